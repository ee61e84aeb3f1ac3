/**
 * Dependencies, options and results of a repo.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Retention } from "./events/event_log.ts";
import type { RecordValue } from "./record_data.ts";
import type { RecordValidator } from "./writes.ts";
import type { Signer } from "./identity/signer.ts";
import type { JoinedRow } from "../kv/joined_rows.ts";

/** A record that a commit changes. Its values are decoded when they are asked for. */
export interface RecordEdit {
  readonly collection: string;
  readonly rkey: string;
  /** As it was; undefined when there was none. */
  readonly before: () => RecordValue | undefined;
  /** As it is now; undefined when it was deleted. */
  readonly after: () => RecordValue | undefined;
}

/** Rows of others for a commit that makes these edits, with its revision. Must not throw. */
export type JoinCommit = (
  edits: readonly RecordEdit[],
  rev: string,
) => readonly JoinedRow[];

export interface RepoDeps {
  readonly did: Did;
  /** Host name, announced by `#identity` when it is a valid handle. */
  readonly handle: string;
  readonly kv: Kv;
  readonly signer: Signer;
  readonly validator: RecordValidator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long events are kept; {@linkcode DEFAULT_RETENTION} by default. */
  readonly retention?: Retention;
  /** Notified of commits, for metrics. */
  readonly observer?: RepoObserver;
  /** Adds rows of others to each commit that changes records. */
  readonly join?: JoinCommit;
}

/** Notified of what a repo writes. */
export interface RepoObserver {
  /** Records were written: how many of each action. */
  written(action: "create" | "update" | "delete", count: number): void;
  /** A commit failed for a reason that is not the caller's. */
  failed(): void;
}

/** The head of the repo. */
export interface Head {
  /** CID of the signed commit. */
  readonly cid: string;
  /** Revision, a TID. */
  readonly rev: string;
  /** CID of the root of the tree. */
  readonly data: string;
  /** Number of its last event. */
  readonly seq: number;
  /** False while the account is deactivated. */
  readonly active: boolean;
}

/** The account is deactivated: its repo is not served and accepts no writes. */
export class DeactivatedError extends AppError {
  constructor(did: Did) {
    super("UNAVAILABLE", `The account ${did} is deactivated.`, {
      xrpc: "RepoDeactivated",
    });
  }
}

/** Result of a write; `none` when it changed nothing. */
export interface WriteResult {
  readonly action: "create" | "update" | "delete" | "none";
  readonly uri: string;
  /** CID of the record; undefined when it was deleted. */
  readonly cid?: string;
}

/** A commit, or the current state when the writes changed nothing. */
export interface ApplyResult {
  readonly rev: string;
  readonly cid: string;
  /** Number of the newest event. */
  readonly seq: number;
  /** In the order of the writes. */
  readonly results: readonly WriteResult[];
}

/** Options of {@linkcode Repo.apply}. */
export interface ApplyOptions {
  /** A repeat with the same key within a day changes nothing and returns the first result. */
  readonly idempotencyKey?: string;
  /** CID of the commit that must be the head. */
  readonly swapCommit?: string;
  /** Accepts records whose blobs are missing; for a restore from a CAR. */
  readonly missingBlobs?: boolean;
  /**
   * Rows of the caller for the same change of the store. Not called for a
   * repeat; may be called again after a conflict. Must not throw.
   */
  readonly also?: (result: ApplyResult) => readonly JoinedRow[];
}
