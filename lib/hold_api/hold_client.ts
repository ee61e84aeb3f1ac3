/**
 * The only interface from the registry to a hold: in-process for this server's
 * own, over XRPC for any other.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type { Decision } from "./decision.ts";
import type { PulledManifest, PushEvent } from "./push_event.ts";

/** The account that calls; undefined without login. */
export type Caller = Did | undefined;

/**
 * Identifies an upload. The hold may store no row for it until its first bytes
 * are acknowledged.
 */
export interface UploadRef {
  readonly uploadId: string;
  /** The account that opened it. */
  readonly caller: Did;
  /** Algorithm that the final digest will probably use. */
  readonly algorithm: DigestAlgorithm;
}

/** A part as the hold or its store returned it, to be listed at completion. */
export interface PartRef {
  /** From 1. */
  readonly partNumber: number;
  /** With or without quotes. */
  readonly etag: string;
}

/** Body of the request that completes an upload. */
export interface RequestBytes {
  /** Offset in the blob; by default the current end of the upload. */
  readonly offset?: number;
  readonly body: ReadableStream<Uint8Array>;
  /** Size in bytes if the client announced it; a body of another size is an error. */
  readonly size?: number;
  readonly signal?: AbortSignal;
}

/** A row of the caller in the store of this server. */
export interface LinkRow {
  readonly key: Deno.KvKey;
  readonly row: unknown;
}

/** Makes the rows that go with a blob of `size` bytes. */
export type BlobLink = (size: number) => readonly LinkRow[];

/** Number of missing blobs after which lookups stop and the manifest is refused. */
export const MAX_MISSING = 100;

/** A completed upload; sizes in bytes. */
export interface CompletedUpload {
  readonly size: number;
  /** Bytes that the last request brought. */
  readonly received: number;
  /** Whether the rows of the link were written. */
  readonly linked?: boolean;
}

/** One hold, as the registry uses it. */
export interface HoldClient {
  readonly did: Did;

  /** Whether `caller` may read blobs here. */
  mayRead(caller: Caller): Promise<Decision>;
  /** Whether `caller` may push blobs here. */
  mayWrite(caller: Did): Promise<Decision>;

  /** Size of a blob in bytes; undefined when the hold has none or does not show it to `caller`. */
  stat(caller: Caller, digest: Digest): Promise<{ size: number } | undefined>;
  /**
   * Like {@linkcode stat}, but the hold also checks that the stored object
   * exists where that is cheap.
   */
  check(caller: Caller, digest: Digest): Promise<{ size: number } | undefined>;
  /**
   * Current sizes of several blobs in the order of `digests`, never from a
   * cache; undefined where the hold has none. Stops once
   * {@linkcode MAX_MISSING} are missing; the rest is undefined then.
   */
  statMany(
    caller: Caller,
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<(number | undefined)[]>;
  /** The bytes, or a part of them. */
  open(
    caller: Caller,
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | undefined>;
  /**
   * A short-lived URL from which the client can fetch the blob directly;
   * undefined when the registry has to proxy it.
   */
  locate(
    caller: Caller,
    digest: Digest,
    contentType: string,
  ): Promise<string | undefined>;

  /**
   * Opens an upload and returns its id; the caller must keep the whole
   * {@linkcode UploadRef} to continue it.
   */
  startUpload(caller: Did, algorithm: DigestAlgorithm): Promise<string>;
  /** Bytes acknowledged so far; undefined when there is no such upload. */
  uploadOffset(upload: UploadRef): Promise<number | undefined>;
  /**
   * Appends `body` at `offset`, streaming, and returns the new offset. Throws
   * AppError `RANGE_INVALID` when `offset` is not the current end of the
   * upload.
   */
  append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<number>;
  /**
   * Appends the `last` bytes, if any, verifies the digest and makes the blob
   * readable; `received` is the number of bytes appended. A hold in the same
   * store writes the rows of `link` in the same commit and says so in `linked`.
   * Throws AppError `DIGEST_INVALID`, and what {@linkcode append} does.
   */
  completeUpload(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
    link?: BlobLink,
  ): Promise<CompletedUpload>;
  abortUpload(upload: UploadRef): Promise<void>;

  /**
   * Checks the owner's quota at the hold before a manifest is written. Throws
   * AppError `QUOTA_EXCEEDED`.
   */
  admitManifest(caller: Did, event: PushEvent): Promise<void>;
  /** Reports a push to the hold; failures are the caller's to log. */
  notifyManifest(caller: Did, event: PushEvent): Promise<void>;
  /**
   * Reports that a manifest is gone. What it counted for the owner's quota is
   * free once the hold has deleted the bytes, or another account is charged.
   */
  manifestDeleted(owner: Did, digest: Digest): Promise<void>;
  /**
   * Reports that a repository of `owner` deleted a blob, like
   * {@linkcode manifestDeleted}.
   */
  blobUnlinked(owner: Did, digest: Digest): Promise<void>;
  /**
   * Records that manifests of `owner` may need blobs that it did not upload, so
   * that the hold keeps them while the repo of `owner` cannot be read.
   */
  mayNeed(owner: Did, digests: readonly Digest[]): Promise<void>;
  /** Counts a pull in the background; returns whether the hold receives it. */
  countPull(caller: Caller, pull: PulledManifest): boolean;
}

/** Looks up holds by DID. */
export interface HoldDirectory {
  /** Throws AppError `UNAVAILABLE` when the DID does not lead to a hold. */
  get(did: Did): Promise<HoldClient>;
}
