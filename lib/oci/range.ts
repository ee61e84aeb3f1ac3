/**
 * Byte ranges: `Range` of a download (RFC 9110, section 14) and `Content-Range`
 * of an upload (distribution-spec, "Pushing a blob in chunks").
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { quote } from "../text.ts";

/** Bytes `start` to `end`, both inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const BYTES_RANGE = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i;
const UPLOAD_RANGE =
  /^(?:bytes[ =])?([0-9]{1,16})-([0-9]{1,16})(?:\/[0-9*]{1,16})?$/;

/**
 * Parses a `Range` header for content of `size` bytes; the range is clamped to
 * the content. Undefined means the whole content: no header, another unit,
 * several ranges or a malformed header, all of which a server may ignore.
 *
 * Throws AppError `RANGE_INVALID` (416) when no byte of the content is in the
 * range, or when it ends before it starts; respond with
 * {@linkcode formatUnsatisfiedRange}.
 */
export function parseRange(
  header: string | null | undefined,
  size: number,
): ByteRange | undefined {
  const match = BYTES_RANGE.exec(header ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === ""
    ? size - 1
    : Math.min(Number(last), size - 1);
  if (start > end) {
    throw new AppError(
      "RANGE_INVALID",
      `The range ${quote(match[0])} has no byte of content of ${size} bytes.`,
      { detail: { size } },
    );
  }
  return { start, end };
}

/** Ranges that are answered in one response. */
const MAX_RANGES = 128;

/**
 * Parses a `Range` header with several ranges, which keep their order; those
 * without a byte of the content are left out. Undefined when it has one range,
 * and for what a server may ignore: another unit, a malformed header, more than
 * {@linkcode MAX_RANGES}, and ranges that have more bytes together than the
 * content.
 *
 * Throws AppError `RANGE_INVALID` (416) when no byte of the content is in any.
 */
export function parseRanges(
  header: string | null | undefined,
  size: number,
): ByteRange[] | undefined {
  const match = /^bytes=(.+)$/i.exec(header ?? "");
  const parts = match?.[1]?.split(",", MAX_RANGES + 1) ?? [];
  if (parts.length < 2 || parts.length > MAX_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  let unsatisfied: unknown;
  for (const part of parts) {
    try {
      const range = parseRange(`bytes=${part.trim()}`, size);
      if (!range) return undefined;
      ranges.push(range);
    } catch (error) {
      unsatisfied = error;
    }
  }
  if (ranges.length === 0) throw unsatisfied;
  const bytes = ranges.reduce((sum, range) => sum + rangeLength(range), 0);
  return bytes <= size ? ranges : undefined;
}

/** Bytes in a range. */
export function rangeLength(range: ByteRange): number {
  return range.end - range.start + 1;
}

/** `Content-Range` of a 206. */
export function formatContentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`;
}

/** `Content-Range` of a 416. */
export function formatUnsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/**
 * Parses the `Content-Range` of a chunk: `start-end`, optionally with a leading
 * `bytes ` and a trailing total. Undefined without header: the chunk is
 * appended.
 *
 * Throws AppError `BLOB_UPLOAD_INVALID` when it has another form, and
 * `RANGE_INVALID` (416) when it ends before it starts.
 */
export function parseUploadRange(
  header: string | null | undefined,
): ByteRange | undefined {
  if (header === null || header === undefined) return undefined;
  const match = UPLOAD_RANGE.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) {
    throw new AppError(
      "BLOB_UPLOAD_INVALID",
      `The Content-Range ${quote(header)} is malformed; ` +
        "write <first byte>-<last byte>, for example 0-1023.",
    );
  }
  if (start > end) {
    throw new AppError(
      "RANGE_INVALID",
      `The Content-Range ${quote(header)} ends before it starts.`,
    );
  }
  return { start, end };
}

/**
 * Checks that a chunk continues an upload of `offset` bytes.
 *
 * Throws AppError `RANGE_INVALID` (416) when it starts elsewhere, and
 * `SIZE_INVALID` when `contentLength` (bytes of the body, if known) is not the
 * length of the range.
 */
export function checkChunk(
  range: ByteRange,
  offset: number,
  contentLength?: number,
): void {
  if (range.start !== offset) {
    throw new AppError(
      "RANGE_INVALID",
      `The chunk starts at byte ${range.start}, but the upload goes on at ` +
        `byte ${offset}; ask for the upload's status and resume there.`,
      { detail: { offset } },
    );
  }
  if (contentLength !== undefined && contentLength !== rangeLength(range)) {
    throw new AppError(
      "SIZE_INVALID",
      `The chunk has ${contentLength} bytes, ` +
        `but its Content-Range says ${rangeLength(range)}.`,
    );
  }
}

/**
 * `Range` of an upload of `offset` bytes: `0-<last byte>` without unit. An
 * empty upload has no last byte; clients expect `0-0`.
 */
export function formatUploadRange(offset: number): string {
  return `0-${Math.max(0, offset - 1)}`;
}
