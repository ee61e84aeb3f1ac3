/**
 * Changes to repositories: what the registry writes together, and what it has
 * others know of it, so that pages and search are right on the next request.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic, Entry, Key } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { CommittedRecord } from "../owners/owner_commits.ts";
import type { JoinedRow } from "../../kv/joined_rows.ts";
import type { LeaseEnding } from "../../kv/held_lease.ts";
import type {
  ManifestRow,
  PendingRemovals,
  ReferrerRow,
  TagRow,
} from "../rows.ts";

/** Where a tag points from now on. */
export interface TagTarget {
  readonly digest: Digest;
  /** When the tag was set, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** A tag that was set; `to` is undefined when it was removed. */
export interface ChangedTag {
  readonly tag: string;
  /** Key of the tag's record in the owner's repo. */
  readonly rkey: string;
  readonly to: TagTarget | undefined;
}

/** A manifest that was stored. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly manifest: ParsedManifest;
  readonly holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Key of the record, where that is not the digest's. */
  readonly rkey: string | undefined;
}

/** A manifest that was removed. */
export interface RemovedManifest {
  readonly digest: Digest;
  /** Another repository of the owner that still has it. */
  readonly heir: string | undefined;
}

/** A tag to set, with the key of its record. */
interface TagPut {
  tag: string;
  row: TagRow;
}

/** One manifest with everything that changes with it. */
export interface ManifestPut {
  digest: Digest;
  row: ManifestRow;
  /** What the bytes say, for those who follow. */
  manifest?: ParsedManifest;
  /** The owner's handle, for those who follow. */
  handle?: string | undefined;
  referrer?: ReferrerRow;
  tags: readonly TagPut[];
  /** The records behind the change, for those who follow. */
  records?: readonly CommittedRecord[];
  /** Further rows of the same commit. */
  also?: readonly JoinedRow[];
  /** Removals as of before the owner's repo was read or written. */
  removals: PendingRemovals;
  /** Set when the manifest was pushed here: its bytes are stored permanently. */
  pushed?: true;
  /** Releases the leases of the change with its commit. */
  ending?: LeaseEnding | undefined;
}

/** What one commit changes in a repository. */
export interface RepositoryChange {
  readonly did: Did;
  readonly repo: string;
  /** The owner's handle, where it is at hand. */
  readonly handle?: string | undefined;
  /** Each tag once. */
  readonly tags?: readonly ChangedTag[];
  readonly stored?: StoredManifest | undefined;
  readonly removed?: RemovedManifest;
  /** The records that say the same in the owner's repo, as far as known. */
  readonly records?: readonly CommittedRecord[];
}

/** Follows the repositories of the registry with rows of its own. */
export interface RepositoryIndex {
  /** Rows that {@linkcode add} needs, to be read together with those of the registry. */
  reads(change: RepositoryChange): readonly Key[];
  /**
   * Adds to `commit` what follows from `change`; `found` are the rows of
   * {@linkcode reads}. The commit fails when they have changed meanwhile.
   */
  add(
    commit: Atomic,
    change: RepositoryChange,
    found: readonly (Entry<unknown> | undefined)[],
  ): Promise<void>;
  /** Writes what was too much for the commit of `change`; call it once that is applied. */
  finish(change: RepositoryChange): Promise<void>;
}

/** Where nothing follows the registry. */
export const UNFOLLOWED: RepositoryIndex = {
  reads: () => [],
  add: () => Promise.resolve(),
  finish: () => Promise.resolve(),
};
