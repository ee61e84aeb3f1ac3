/**
 * Rules for the parts of a multipart upload that hold for every driver.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { bareEtag } from "../etag.ts";
import type { Multipart, Part } from "./blob_store.ts";

/** Maximum number of parts of an upload, on every driver; the limit of S3. */
export const MAX_PARTS = 10_000;

/** Throws AppError `BLOB_UPLOAD_INVALID` unless `partNumber` is 1 to 10,000. */
export function assertPartNumber(partNumber: number): void {
  if (
    Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= MAX_PARTS
  ) return;
  throw new AppError(
    "BLOB_UPLOAD_INVALID",
    `${partNumber} is not a part number; use 1 to ${MAX_PARTS}.`,
  );
}

/** Throws AppError `BLOB_UPLOAD_INVALID` unless `offset` is a valid file offset. */
export function assertOffset(offset: number | undefined): void {
  if (offset === undefined || Number.isSafeInteger(offset) && offset >= 0) {
    return;
  }
  throw new AppError(
    "BLOB_UPLOAD_INVALID",
    `${offset} is not the place of a part; use a number of bytes from 0 on.`,
  );
}

/**
 * Returns `parts` in ascending order with bare ETags. Throws AppError
 * `BLOB_UPLOAD_INVALID` when a number is out of range or repeated.
 */
export function orderedParts(parts: readonly Part[]): Part[] {
  const ordered = parts
    .map((part) => ({ ...part, etag: bareEtag(part.etag) }))
    .sort((a, b) => a.partNumber - b.partNumber);
  ordered.forEach((part, index) => {
    assertPartNumber(part.partNumber);
    if (ordered[index + 1]?.partNumber === part.partNumber) {
      throw new AppError(
        "BLOB_UPLOAD_INVALID",
        `Part ${part.partNumber} is named twice; name every part once.`,
      );
    }
  });
  return ordered;
}

/** The error for an upload that was never started, or was completed or aborted. */
export function unknownUpload(upload: Multipart, cause?: unknown): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    `There is no upload in progress for ${upload.key}; start the upload again.`,
    { cause },
  );
}

/** The error for a part that is missing or was replaced. */
export function otherPart(partNumber: number): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `Part ${partNumber} is missing or was replaced; send it again.`,
  );
}

/** The error for a part whose offset does not match its number. */
export function misplacedPart(
  partNumber: number,
  offset: number,
  expected: number,
): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `Part ${partNumber} was written at byte ${offset}, but the parts before ` +
      `it end at byte ${expected}; send the parts again.`,
  );
}

/** The error for a part that overlaps another. */
export function overlappingPart(partNumber: number, other: number): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `Part ${partNumber} runs into the bytes of part ${other}; ` +
      "send parts that lie side by side.",
  );
}

/** The error for moving a missing object. */
export function nothingToMove(key: string): AppError {
  return new AppError("BLOB_UNKNOWN", `There is no object ${key} to move.`);
}

/** The error for an object whose size is not what was written: AppError `BLOB_UPLOAD_INVALID`. */
export function wrongSize(wanted: number, found: number): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `The store has ${found} bytes of this upload and should have ${wanted}; start a new upload.`,
  );
}

/**
 * Throws {@linkcode wrongSize} unless an object has the size `wanted`;
 * undefined accepts any size.
 */
export function requireSize(wanted: number | undefined, found: number): void {
  if (wanted !== undefined && wanted !== found) throw wrongSize(wanted, found);
}
