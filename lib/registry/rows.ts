/**
 * The rows behind {@linkcode registryKeys}.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";

/** A repository of an owner. */
export interface RepositoryRow {
  /** The hold of the latest push; it decides who sees the repository in lists. */
  holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  updatedAt: number;
}

/** Where a tag points. Everything that GET by tag needs besides the bytes. */
export interface TagRow {
  digest: Digest;
  mediaType: string;
  /** Bytes of the manifest. */
  size: number;
  /** The hold that has the blobs of the manifest. */
  holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  updatedAt: number;
  /** Record key of the `io.atcr.tag` record. */
  rkey: string;
  /** When the owner's PDS was last asked, or wrote it for us. */
  checkedAt: number;
  /** The removal of the same manifest after which the tag was set; see {@linkcode RemovalsRow}. */
  after?: string;
}

/**
 * A tag that is known by its name and record only: nobody has asked yet where
 * it leads. Stands in the place of a {@linkcode TagRow}.
 */
export interface HeardTagRow {
  heard: true;
  /** Record key of the `io.atcr.tag` record. */
  rkey: string;
  /** Undefined where only the record of the manifest tells it. */
  digest?: Digest;
  after?: never;
}

/** What stands in the place of a tag. */
export type StoredTagRow = TagRow | HeardTagRow;

/** Whether nobody has asked yet where the tag leads. */
export function isHeard(row: StoredTagRow): row is HeardTagRow {
  return "heard" in row;
}

/** A manifest that was deleted, and whose tags and records are being removed. */
export interface RemovalRow {
  /** New with each delete. */
  id: string;
  /** The hold that has its blobs. */
  holdDid: Did;
  /** Key of the manifest's record where another service has written it. */
  rkey?: string;
  /** Set when nothing is left to do for the manifest's record. */
  recordDone?: true;
}

/**
 * The removals under way in a repository, by digest. A tag of such a manifest
 * is gone for all readers, unless it names the removal as `after`: thus one
 * commit deletes any number of tags, whose rows are removed later. The row
 * stays when it is empty, so that its versionstamp changes with each removal.
 */
export interface RemovalsRow {
  pending: Readonly<Record<Digest, RemovalRow>>;
}

/** A manifest of a repository. */
export interface ManifestRow {
  mediaType: string;
  size: number;
  /** The hold that has its blobs. */
  holdDid: Did;
  subject?: Digest;
  artifactType?: string;
  /** CID of the manifest bytes as a blob in the owner's PDS. */
  blobCid?: string;
  /** Type that the PDS gave the blob, where that is not `mediaType`. */
  blobType?: string;
  /** Set when the manifest was read from the owner's repo, not pushed here. */
  imported?: true;
  /** Key of a record of another service's making, where that is not the digest's. */
  rkey?: string;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
}

/** A blob that a repository may serve. */
export interface BlobRow {
  holdDid: Did;
  size: number;
}

/** An upload in progress. */
export interface UploadRow {
  did: Did;
  repo: string;
  /** Who pushes; nobody else may go on with it. */
  caller: Did;
  holdDid: Did;
  /** Id of the upload at the hold. */
  holdUploadId: string;
  algorithm: DigestAlgorithm;
  /** When the row goes unless bytes come, in milliseconds since the Unix epoch. */
  expiresAt: number;
}

/** An entry of the referrers list (image-spec descriptor with artifact fields). */
export interface ReferrerRow {
  mediaType: string;
  digest: Digest;
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
  /** Set when the annotations are too large for a row and stand in the manifest only. */
  annotationsInContent?: true;
}

/** What a sailor profile says. */
export interface ProfileRow {
  defaultHold?: Did;
  checkedAt: number;
}
