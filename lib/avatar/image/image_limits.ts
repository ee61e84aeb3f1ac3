/**
 * Limits on the work that one image may cause, checked against its header. They
 * bound time and memory, because a running decoder cannot be stopped.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { ImageInfo } from "./info.ts";
import { fileKind } from "./sniff/file_kind.ts";
import { sniff } from "./sniff/sniff.ts";

/** Limits of an image. */
export interface ImageLimits {
  /** Bytes of the file. */
  readonly maxBytes: number;
  /** Pixels on either side of the file's image. */
  readonly maxInputSide: number;
  /** Width times height of the file's image. */
  readonly maxPixels: number;
  /** Millions of pixels times cost per pixel; one unit takes about 2 ms. */
  readonly maxCost: number;
  /** Maximum memory for decoding in bytes. */
  readonly maxDecodeBytes: number;
  /** Maximum requested side in pixels; no result has more than its square. */
  readonly maxSide: number;
}

/**
 * With these limits a process with two workers stays below 512 MB and every
 * image below about two seconds.
 */
export const DEFAULT_LIMITS: ImageLimits = {
  maxBytes: 5_000_000,
  maxInputSide: 16_384,
  maxPixels: 50_000_000,
  maxCost: 600,
  maxDecodeBytes: 240_000_000,
  maxSide: 2048,
};

/** Maximum memory for decoding in bytes, in addition to the fixed overhead. */
export function decodeBytes(info: ImageInfo): number {
  return info.width * info.height * info.bytesPerPixel;
}

/**
 * Sniffs `bytes` and applies `limits`; nothing is decoded.
 *
 * Throws AppError `UNSUPPORTED_MEDIA_TYPE` when the bytes are not an image of a
 * supported format, and `UNPROCESSABLE` when the image would take too much
 * work.
 */
export function checkedSniff(
  bytes: Uint8Array,
  limits: ImageLimits,
): ImageInfo {
  if (bytes.length > limits.maxBytes) {
    throw tooMuch(
      `${bytes.length} bytes, and at most ${limits.maxBytes} are taken`,
    );
  }
  const info = sniff(bytes);
  if (info === undefined) {
    throw new AppError(
      "UNSUPPORTED_MEDIA_TYPE",
      `The file is ${
        fileKind(bytes)
      }. Accepted are JPEG, PNG, GIF, WebP and still AVIF.`,
    );
  }
  const { width, height } = info;
  const pixels = width * height;
  if (width > limits.maxInputSide || height > limits.maxInputSide) {
    throw tooMuch(
      `${width} by ${height} pixels, and a side may have at most ${limits.maxInputSide}`,
    );
  }
  if (pixels > limits.maxPixels || decodeBytes(info) > limits.maxDecodeBytes) {
    const most = info.bytesPerPixel === 0
      ? limits.maxPixels
      : Math.min(limits.maxPixels, limits.maxDecodeBytes / info.bytesPerPixel);
    throw tooMuch(
      `${width} by ${height} pixels, and a ${info.format} image may have at most ${
        (most / 1e6).toFixed(1)
      } million`,
    );
  }
  if (info.cost * pixels / 1e6 > limits.maxCost) {
    throw tooMuch(
      `${width} by ${height} pixels, coded in a way that takes too long to decode`,
    );
  }
  return info;
}

function tooMuch(what: string): AppError {
  return new AppError(
    "UNPROCESSABLE",
    `The picture has ${what}. Upload a smaller one.`,
  );
}
