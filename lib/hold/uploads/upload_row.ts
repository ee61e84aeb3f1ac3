/**
 * The row of an upload in progress: everything another instance needs to
 * continue it.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { Multipart } from "../../storage/blob_store.ts";

/** Some bytes of a tail. */
export interface TailPiece {
  /** Their key in the store. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** CRC-32 of the bytes; absent in rows of earlier versions. */
  readonly checksum?: number;
}

/** Bytes at the end of an upload that are too few for a part: the last piece, and those before it. */
export interface Tail extends TailPiece {
  readonly before?: readonly TailPiece[];
}

/** One upload, as any instance needs it to continue. */
export interface UploadRow {
  readonly id: string;
  /** The account that opened it; others may not access it. */
  readonly caller: Did;
  /** Algorithm of the running hash; the final digest may use another. */
  readonly algorithm: DigestAlgorithm;
  /** Authorises its bearer to write parts without a service token; unique per row. */
  readonly ticket: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** When the upload is swept, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** How bytes are sent: in one stream, or as numbered parts; undefined before the first. */
  readonly mode: "stream" | "parts" | undefined;
  /** The store's upload, once there are bytes. */
  readonly multipart: Multipart | undefined;
  /** Number of valid parts; the store may have later ones from a broken stream. */
  readonly partCount: number;
  /** Bytes acknowledged, in stream mode. */
  readonly offset: number;
  readonly tail: Tail | undefined;
  /** Lock of the request working on it. */
  readonly lock: RowLock | undefined;
  /** Set when it is complete; kept for a while so that a repeated completion succeeds. */
  readonly done: { digest: Digest; size: number } | undefined;
}

/**
 * Expires at `until`, in milliseconds since the Unix epoch, unless it is renewed;
 * before that when the process `by` is dead.
 */
export type RowLock = { token: string; until: number; by?: string };

/** Changes to a row; other fields stay. */
export type UploadChange = Partial<
  Pick<
    UploadRow,
    "mode" | "multipart" | "partCount" | "offset" | "tail" | "done"
  >
>;

/** The row of an upload without bytes; it expires after `ttlMs` milliseconds. */
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
