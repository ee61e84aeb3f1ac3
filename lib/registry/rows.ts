/**
 * The rows behind {@linkcode registryKeys}: what they say, also together with the
 * pending removals of their repository, and those of a manifest made from it.
 *
 * @module
 */

import type { BlobRef } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import type { Entry } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";
import type { ChangedTag } from "./manifests/repository_changes.ts";
import { effectiveArtifactType, type ParsedManifest } from "../oci/manifest.ts";

/** A repository of an owner. */
export interface RepositoryRow {
  /** The hold of the latest push, which decides about access in lists. */
  holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  updatedAt: number;
}

/** The target of a tag: everything that GET by tag needs except the bytes. */
export interface TagRow {
  digest: Digest;
  mediaType: string;
  /** Bytes of the manifest. */
  size: number;
  /** The hold with the blobs of the manifest. */
  holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  updatedAt: number;
  /** Record key of the `io.atcr.tag` record. */
  rkey: string;
  /** When the owner's PDS was last queried, or wrote it for us. */
  checkedAt: number;
  /** The removal of the same manifest after which the tag was set; see {@linkcode RemovalsRow}. */
  after?: string;
}

/**
 * A tag known only by its name and record: its target was not requested yet.
 * Stored instead of a {@linkcode TagRow}.
 */
export interface HeardTagRow {
  heard: true;
  /** Record key of the `io.atcr.tag` record. */
  rkey: string;
  /** Undefined if only the manifest's record has it. */
  digest?: Digest;
  after?: never;
}

/** The stored row of a tag. */
export type StoredTagRow = TagRow | HeardTagRow;

/** Whether the tag's target was not requested yet. */
export function isHeard(row: StoredTagRow): row is HeardTagRow {
  return "heard" in row;
}

/** A deleted manifest whose tags and records are being removed. */
export interface RemovalRow {
  /** Unique per delete. */
  id: string;
  /** The hold with its blobs. */
  holdDid: Did;
  /** Key of the manifest's record, if written by another service. */
  rkey?: string;
  /** Set when the manifest's record is done. */
  recordDone?: true;
}

/**
 * The removals in progress in a repository, by digest. A tag of such a manifest
 * is invisible to all readers, unless it names the removal as `after`: thus one
 * commit deletes any number of tags, whose rows are removed later. The row is
 * kept when empty, so that its versionstamp changes with each removal.
 */
export interface RemovalsRow {
  pending: Readonly<Record<Digest, RemovalRow>>;
}

/** A snapshot of the removals of a repository. */
export interface PendingRemovals {
  /** Null if nothing was ever removed. */
  readonly versionstamp: string | null;
  readonly pending: Readonly<Partial<Record<Digest, RemovalRow>>>;
}

/** The removals in a stored row; undefined means no row. */
export function pendingOf(
  entry: Entry<RemovalsRow> | undefined,
): PendingRemovals {
  return {
    versionstamp: entry?.versionstamp ?? null,
    pending: entry?.value.pending ?? {},
  };
}

/** Whether a tag was deleted with its manifest. */
export function isRemoved(
  { digest, after }: StoredTagRow,
  { pending }: PendingRemovals,
): boolean {
  const removal = digest && pending[digest];
  return removal !== undefined && removal.id !== after;
}

/** Marks `row` as a tag set now, which is not affected by the known removals. */
export function survivor(
  { after: _, ...row }: TagRow,
  { pending }: PendingRemovals,
): TagRow {
  const id = pending[row.digest]?.id;
  return id === undefined ? row : { ...row, after: id };
}

/** A tag that was set to this row. */
export function tagSet(tag: string, row: TagRow): ChangedTag {
  const { digest, updatedAt, rkey } = row;
  return { tag, rkey, to: { digest, at: updatedAt } };
}

/** A manifest of a repository. */
export interface ManifestRow {
  mediaType: string;
  size: number;
  /** The hold with its blobs. */
  holdDid: Did;
  subject?: Digest;
  artifactType?: string;
  /** CID of the manifest bytes as a blob in the owner's PDS. */
  blobCid?: string;
  /** Type of the blob at the PDS, if it is not `mediaType`. */
  blobType?: string;
  /** Set when the manifest was read from the owner's repo, not pushed here. */
  imported?: true;
  /** Key of the record, if it was chosen by another service. */
  rkey?: string;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
}

/** A blob that a repository may serve. */
export interface BlobRow {
  holdDid: Did;
  size: number;
}

/** What became of an upload since its id was issued; most have no row. */
export interface UploadRow {
  /** When it expires without further bytes, in milliseconds since the Unix epoch. */
  expiresAt: number;
  /** Set when it was cancelled, or had a wrong digest. */
  ended?: true;
}

/** An entry of the referrers list (image-spec descriptor with artifact fields). */
export interface ReferrerRow {
  mediaType: string;
  digest: Digest;
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
  /** Set when the annotations are too large for a row and are only in the manifest. */
  annotationsInContent?: true;
}

/** Cached fields of a sailor profile. */
export interface ProfileRow {
  defaultHold?: Did;
  removesUntagged?: true;
  checkedAt: number;
}

/** What was read of a collection of an owner. */
export interface ListingRow {
  /** When it was last read, in milliseconds since the Unix epoch; 0 if that never succeeded. */
  at: number;
  /** Pages of 100 records read since its start. */
  pages: number;
  /** Where reading continues, if it was not read to its end yet. */
  cursor?: string;
  /** Set when it has more records than are read of one owner. */
  cut?: true;
  /** Set when it is known to differ from what was read. */
  due?: true;
}

/** Maximum annotations of a referrer row, in bytes of JSON (a KV value has at most 64 KiB). */
const MAX_ROW_ANNOTATIONS = 16 * 1024;

/** The index row of a manifest. */
export function manifestRow(
  manifest: ParsedManifest,
  facts: {
    /** Bytes. */
    size: number;
    holdDid: Did;
    /** The blob of the manifest in the owner's PDS. */
    blob: Pick<BlobRef, "ref" | "mimeType"> | undefined;
    /** Milliseconds since the Unix epoch. */
    createdAt: number;
    /** Key of the record, if written by another service. */
    rkey: string | undefined;
  },
): ManifestRow {
  const artifactType = effectiveArtifactType(manifest);
  const { subject, mediaType } = manifest;
  const { blob } = facts;
  return {
    mediaType,
    size: facts.size,
    holdDid: facts.holdDid,
    createdAt: facts.createdAt,
    ...(blob ? { blobCid: blob.ref.$link } : {}),
    ...(blob && blob.mimeType !== mediaType ? { blobType: blob.mimeType } : {}),
    ...(facts.rkey === undefined ? {} : { rkey: facts.rkey }),
    ...(subject ? { subject: subject.digest } : {}),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** The entry of a manifest in the referrers list of its subject (distribution-spec, "Listing Referrers"). */
export function referrerRow(
  digest: Digest,
  row: ManifestRow,
  manifest: ParsedManifest,
): ReferrerRow {
  const { mediaType, size, artifactType } = row;
  const { annotations } = manifest;
  const fits = !manifest.isTrimmed &&
    JSON.stringify(annotations).length <= MAX_ROW_ANNOTATIONS;
  const some = Object.keys(annotations).length > 0;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(some && fits ? { annotations } : {}),
    ...(fits ? {} : { annotationsInContent: true }),
  };
}

/** What a request for a manifest needs of the row that was found. */
export function infoOf(row: ManifestRow | TagRow) {
  const { mediaType, size, holdDid } = row;
  const knownSince = "updatedAt" in row ? row.updatedAt : row.createdAt;
  const isReferrer = "subject" in row && row.subject !== undefined;
  return { mediaType, size, holdDid, knownSince, isReferrer };
}
