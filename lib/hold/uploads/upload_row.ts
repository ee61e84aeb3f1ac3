/**
 * What an upload in progress is: all that another instance needs to go on with
 * it.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { Multipart } from "../../storage/blob_store.ts";

/** Bytes at the end of an upload that are too few for a part of their own. */
export interface Tail {
  /** Where they lie in the store. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** CRC-32 of the bytes; absent in rows of earlier versions. */
  readonly checksum?: number;
}

/** One upload, as any instance needs it to go on. */
export interface UploadRow {
  readonly id: string;
  /** Who opened it; nobody else may touch it. */
  readonly caller: Did;
  /** Hash that runs while bytes come in; the closing digest may use another. */
  readonly algorithm: DigestAlgorithm;
  /** Lets its bearer write parts without a service token; no two rows have the same. */
  readonly ticket: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** When the upload is swept, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** How bytes come: in one stream, or as numbered parts; undefined before the first. */
  readonly mode: "stream" | "parts" | undefined;
  /** The store's upload, once there are bytes for it. */
  readonly multipart: Multipart | undefined;
  /** Parts that count; the store may have later ones from a stream that broke. */
  readonly partCount: number;
  /** Bytes acknowledged, in stream mode. */
  readonly offset: number;
  readonly tail: Tail | undefined;
  /** The request that works on it now. */
  readonly lock: RowLock | undefined;
  /** Set when it is complete; kept for a while so that completing again succeeds. */
  readonly done: { digest: Digest; size: number } | undefined;
}

/** Ends at `until`, in milliseconds since the Unix epoch, unless it is renewed. */
export type RowLock = { token: string; until: number };

/** Changes to a row; the rest stays. */
export type UploadChange = Partial<
  Pick<
    UploadRow,
    "mode" | "multipart" | "partCount" | "offset" | "tail" | "done"
  >
>;

/** The row of an upload that has no bytes yet; it is swept after `ttlMs` milliseconds. */
export function newUploadRow(
  { uploadId, caller, algorithm }: UploadRef,
  now: number,
  ttlMs: number,
): UploadRow {
  return {
    id: uploadId,
    caller,
    algorithm,
    ticket: crypto.randomUUID(),
    startedAt: now,
    expiresAt: now + ttlMs,
    mode: undefined,
    multipart: undefined,
    partCount: 0,
    offset: 0,
    tail: undefined,
    lock: undefined,
    done: undefined,
  };
}
