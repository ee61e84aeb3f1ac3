/**
 * The only way from the registry to a hold: in-process for our own, over XRPC
 * for any other.
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
 * An upload as its opener names it. Until its first bytes are acknowledged
 * the hold need not have a row for it.
 */
export interface UploadRef {
  readonly uploadId: string;
  /** Who opened it. */
  readonly caller: Did;
  /** Hash that the closing digest will probably use. */
  readonly algorithm: DigestAlgorithm;
}

/** A part as the hold or its store answered it, as it is named at completion. */
export interface PartRef {
  /** From 1. */
  readonly partNumber: number;
  /** With or without quotes. */
  readonly etag: string;
}

/** The bytes of the request that closes an upload. */
export interface RequestBytes {
  /** Where they begin in the blob; at the end of what came before when left out. */
  readonly offset?: number;
  readonly body: ReadableStream<Uint8Array>;
  /** Bytes, where the client announces them; a body of another size is an error of its own. */
  readonly size?: number;
  readonly signal?: AbortSignal;
}

/** Missing blobs that are enough to refuse a manifest. */
export const MAX_MISSING = 100;

/** One hold, as the registry uses it. */
export interface HoldClient {
  readonly did: Did;

  /** Whether `caller` may read blobs here. */
  mayRead(caller: Caller): Promise<Decision>;
  /** Whether `caller` may push blobs here. */
  mayWrite(caller: Did): Promise<Decision>;

  /** Size of a blob in bytes; undefined when the hold has none or does not show it to `caller`. */
  stat(caller: Caller, digest: Digest): Promise<{ size: number } | undefined>;
  /** As {@linkcode stat}, and the hold looks for the stored object where that is cheap. */
  check(caller: Caller, digest: Digest): Promise<{ size: number } | undefined>;
  /**
   * Sizes of several blobs as the hold has them now, in the order of `digests`
   * and never from memory; undefined where it has none. Asks no further once
   * {@linkcode MAX_MISSING} are missing: the rest is undefined then.
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
  /** A short-lived URL where a client can fetch the blob itself; undefined when it has to come through us. */
  locate(
    caller: Caller,
    digest: Digest,
    contentType: string,
  ): Promise<string | undefined>;

  /** Opens an upload and returns its id; whoever goes on with it must remember the whole {@linkcode UploadRef}. */
  startUpload(caller: Did, algorithm: DigestAlgorithm): Promise<string>;
  /** Bytes acknowledged so far; undefined when there is no such upload. */
  uploadOffset(upload: UploadRef): Promise<number | undefined>;
  /**
   * Appends `body` at `offset`, streaming, and returns the new offset.
   * Throws AppError `RANGE_INVALID` when `offset` is not where the upload stands.
   */
  append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<number>;
  /**
   * Appends the `last` bytes, if any, verifies the digest and makes the blob
   * readable; `received` is how many those were. Throws AppError
   * `DIGEST_INVALID`, and what {@linkcode append} does.
   */
  completeUpload(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
  ): Promise<{ size: number; received: number }>;
  abortUpload(upload: UploadRef): Promise<void>;

  /**
   * Asks the hold whether it would keep what a manifest names, before the
   * manifest is written. Throws AppError `QUOTA_EXCEEDED`.
   */
  admitManifest(caller: Did, event: PushEvent): Promise<void>;
  /** Reports a push to the hold; failures are the caller's to log. */
  notifyManifest(caller: Did, event: PushEvent): Promise<void>;
  /** Reports that a manifest is gone, which frees what it counted for the owner's quota. */
  manifestDeleted(owner: Did, digest: Digest): Promise<void>;
  /** Reports that a repository of `owner` let go of a blob; one without a manifest no longer counts for the quota. */
  blobUnlinked(owner: Did, digest: Digest): Promise<void>;
  /** Counts a pull, at leisure and without an answer. */
  countPull(caller: Caller, pull: PulledManifest): void;
}

/** Finds holds by DID. */
export interface HoldDirectory {
  /** Throws AppError `UNAVAILABLE` when the DID does not lead to a hold. */
  get(did: Did): Promise<HoldClient>;
}
