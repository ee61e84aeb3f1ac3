/**
 * What uploads ask of the quota.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobCounter } from "../blobs/blob_counter.ts";

/** Which upload needs room. */
export interface RoomRequest {
  readonly uploadId: string;
  readonly caller: Did;
  /** Where it is known before the bytes: what counts already takes no more room. */
  readonly digest?: Digest;
  /** Whether other requests may bring other parts of the same upload. */
  readonly isPart?: boolean;
}

/** Decides how much somebody may store. Its methods throw AppError `QUOTA_EXCEEDED`. */
export interface UploadAllowance {
  /** Throws when `caller` may not store another byte. */
  check(caller: Did): Promise<void>;
  /** Reserves the whole size of a blob, in bytes, until `until` (milliseconds since the Unix epoch). */
  declare(
    caller: Did,
    uploadId: string,
    size: number,
    until: number,
  ): Promise<void>;
  /** The room of one request that brings bytes. */
  open(request: RoomRequest): Promise<UploadRoom>;
  /** Ends the reservation of an upload. */
  release(caller: Did, uploadId: string): Promise<void>;
}

/**
 * Room for the bytes of one request. Only one at a time, except for parts. Its
 * `commit` ends the reservation.
 */
export interface UploadRoom extends BlobCounter {
  readonly isLimited: boolean;
  /**
   * Makes sure that there is room for `bytes` bytes: of the blob, or of the
   * part. Returns undefined where that is known already.
   */
  need(bytes: number): Promise<void> | undefined;
  /** Keeps the reservation of a request that is still running. */
  renew(): Promise<void>;
  /** Reduces the reservation to `bytes` acknowledged bytes, until `until` (milliseconds since the Unix epoch). */
  keep(bytes: number, until: number): Promise<void>;
  /** Ends what this request has reserved. */
  end(): Promise<void>;
}

/** Room for everybody and everything, counted nowhere. */
export const UNLIMITED: UploadAllowance = {
  check: () => Promise.resolve(),
  declare: () => Promise.resolve(),
  release: () => Promise.resolve(),
  open: () =>
    Promise.resolve({
      isLimited: false,
      need: () => undefined,
      renew: () => Promise.resolve(),
      keep: () => Promise.resolve(),
      end: () => Promise.resolve(),
      commit: (change) => change.commit(),
    }),
};
