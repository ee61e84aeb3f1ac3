/**
 * What an account does at a hold besides storing images: it joins the crew,
 * sees what it uses, and takes its data out.
 *
 * @module
 */

import type { Did } from "../did.ts";

/** What an account stores at a hold. */
export interface StorageUse {
  /** Bytes that count for the account. */
  readonly used: number;
  readonly blobs: number;
  /** Bytes; undefined without a limit. */
  readonly limit: number | undefined;
  readonly tier: string | undefined;
}

/** How many are in a crew. */
export interface CrewSize {
  readonly count: number;
  /** False where the crew is larger than what was counted. */
  readonly isWhole: boolean;
}

/** What only the hold of the same process offers. */
export interface NearMember {
  /** Takes an account out of the crew. Throws AppError `INVALID_REQUEST` for the captain. */
  leave(caller: Did): Promise<void>;
  /** Whether posts of the hold may name the account. */
  isPosted(caller: Did): Promise<boolean>;
  setPosted(caller: Did, posted: boolean): Promise<void>;
}

/**
 * One hold, as accounts use it. All methods throw AppError: what the hold
 * answers, and `UNAUTHORIZED` where the account has to sign in again.
 */
export interface HoldMember {
  readonly did: Did;
  /** Undefined for remote holds. */
  readonly near: NearMember | undefined;
  /** What `account` stores; public. */
  storage(account: Did): Promise<StorageUse>;
  /** How large the crew is; public. */
  crew(): Promise<CrewSize>;
  /** Makes `caller` a member. Throws AppError `DENIED` where the hold takes nobody by itself. */
  join(caller: Did): Promise<void>;
  /** Everything that the hold has recorded about `caller`, as JSON. */
  exportData(caller: Did): Promise<unknown>;
  /** Deletes it: membership, layer records, counts and posts. */
  deleteData(caller: Did): Promise<void>;
}
