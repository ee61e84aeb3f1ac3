/**
 * Changes in the repos of the network as the parts of the index receive them.
 *
 * @module
 */

import type { Did } from "../did.ts";

/** One change of a record in an account's repo, as a relay or a listing reports it. */
export interface RecordChange {
  readonly did: Did;
  readonly collection: string;
  readonly rkey: string;
  /**
   * Revision of the repo after the change (a TID); an older one never
   * overwrites a newer one. Undefined for a listing that does not know it.
   */
  readonly rev: string | undefined;
  readonly cid: string | undefined;
  /** When it was seen, in whole milliseconds since the Unix epoch. */
  readonly at: number;
  /** The unchecked record; undefined when it was deleted. */
  readonly record: unknown;
}

/**
 * Applies changes of some collections to the index. Idempotent: events come
 * twice and, across DIDs, in any order. Never throws for a bad record: it counts
 * and ignores it.
 */
export interface RecordHandler {
  readonly collections: readonly string[];
  apply(change: RecordChange): Promise<void>;
  /**
   * As {@linkcode apply} for each of `changes`, which are of different records
   * of `did`; the result is the same, in fewer commits.
   */
  applyTogether?(did: Did, changes: readonly RecordChange[]): Promise<void>;
}

/** What a relay says of an account. */
export type AccountStatus =
  | "active"
  | "deactivated"
  | "suspended"
  | "takendown"
  | "deleted";

/** Receives what happens to accounts. */
export interface AccountHandler {
  /** Whether the network shows the account; `at` in milliseconds since the Unix epoch. */
  account(did: Did, status: AccountStatus, at: number): Promise<void>;
  /** The DID document or handle changed; undefined: no valid handle. */
  identity(did: Did, handle: string | undefined, at: number): Promise<void>;
}
