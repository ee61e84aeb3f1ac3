/**
 * Errors of uploads.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";

/** The upload does not exist for the caller. */
export function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "The hold has no such upload: it was finished, aborted or has expired. Start a new one.",
  );
}

/** Another request is working on the upload. */
export function busyUpload(id: string): AppError {
  return new AppError(
    "CONFLICT",
    `Another request is working on the upload ${id}; wait for it, then ask where the upload stands.`,
    { retryAfterSeconds: 1 },
  );
}

/** The bytes do not start at the current offset of the upload. */
export function wrongOffset(given: number, offset: number): AppError {
  return new AppError(
    "RANGE_INVALID",
    `The bytes begin at ${given}, but the upload stands at ${offset}; send the bytes that begin there.`,
    { detail: { offset } },
  );
}

/** The blob is larger than the hold accepts. */
export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    "TOO_LARGE",
    `The hold takes blobs of at most ${maxBytes} bytes; make the layer smaller.`,
  );
}

/** A stream and numbered parts were sent for one upload. */
export function mixedModes(): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    "An upload takes either one stream or numbered parts, not both; start a new upload.",
  );
}

/** Parts are missing; `sentence` says which. */
export function missingParts(sentence: string): AppError {
  return new AppError("BLOB_UPLOAD_INVALID", sentence, {
    xrpc: "MissingParts",
  });
}

/** The bytes do not match the digest. */
export function wrongDigest(actual: Digest, wanted: Digest): AppError {
  return new AppError(
    "DIGEST_INVALID",
    `The bytes have the digest ${actual}, not ${wanted}; nothing was stored. Upload them again.`,
    { detail: { digest: wanted, actual } },
  );
}

/** The client's connection broke. */
export function brokenConnection(cause: unknown): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    "The connection broke before all bytes had come; nothing of this request was kept. Ask where the upload stands and send them again.",
    { cause },
  );
}

/** The client sent nothing for too long. */
export function stalledConnection(ms: number): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `No bytes came for ${
      Math.round(ms / 1000)
    } seconds; nothing of this request was kept. Ask where the upload stands and send them again.`,
  );
}
