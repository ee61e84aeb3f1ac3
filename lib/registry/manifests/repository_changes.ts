/**
 * What the registry has others know of changes to repositories, so that pages
 * and search are right on the next request.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic, Entry, Key } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { CommittedRecord } from "../owners/owner_commits.ts";
import type { TagRow } from "../rows.ts";
import type { ManifestPut, RepoRef } from "./manifest_index.ts";

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

/** A tag that was set to this row. */
export function tagSet(tag: string, row: TagRow): ChangedTag {
  const { digest, updatedAt, rkey } = row;
  return { tag, rkey, to: { digest, at: updatedAt } };
}

/** The change that stores a manifest with its tags. */
export function changeOf(
  ref: RepoRef,
  { digest, row, manifest, tags, handle, records = [] }: ManifestPut,
): RepositoryChange {
  const { holdDid, createdAt, rkey } = row;
  return {
    ...ref,
    handle,
    ...(manifest
      ? { stored: { digest, manifest, holdDid, createdAt, rkey } }
      : {}),
    tags: tags.map(({ tag, row }) => tagSet(tag, row)),
    records,
  };
}
