/**
 * Header of PNG files (PNG 3rd edition).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import { exifOrientation } from "../exif.ts";
import type { ImageInfo, Orientation } from "../info.ts";

/** Length, type and data of IHDR end here. */
export const PNG_FIRST_CHUNK = 33;
/** Maximum chunks read; later ones are ignored. */
const MAX_CHUNKS = 4096;
const MAX_SIDE = 2 ** 31 - 1;

/** Walks the chunk headers, including those after the image data, where eXIf may be. */
export function sniffPng(b: ByteReader): ImageInfo | undefined {
  if (b.length < PNG_FIRST_CHUNK || !b.has("IHDR", 12)) return undefined;
  const width = b.be32(16);
  const height = b.be32(20);
  const colourType = b.u8(25);
  const interlaced = b.u8(28) !== 0;
  let alpha = colourType === 4 || colourType === 6;
  let orientation: Orientation = 1;
  let animated = false;
  let icc = false;

  let o = PNG_FIRST_CHUNK;
  for (let n = 0; o + 8 <= b.length && n < MAX_CHUNKS; n++) {
    const length = b.be32(o);
    if (b.has("IEND", o + 4)) break;
    if (b.has("acTL", o + 4)) animated = true;
    else if (b.has("iCCP", o + 4)) icc = true;
    else if (b.has("tRNS", o + 4)) alpha = true;
    else if (b.has("eXIf", o + 4)) {
      const end = Math.min(b.length, o + 8 + length);
      orientation = exifOrientation(b, o + 8, end);
    }
    o += 12 + length;
  }

  if (width === 0 || height === 0) return undefined;
  if (width > MAX_SIDE || height > MAX_SIDE) return undefined;
  return {
    format: "png",
    width,
    height,
    orientation,
    animated,
    alpha,
    icc,
    colours: colourType === 0 || colourType === 4 ? "gray" : "rgb",
    // Rows are streamed; only an interlaced image is held completely, with up
    // to 16 bits per sample.
    bytesPerPixel: interlaced ? 12 : 0,
    // Inflating and unfiltering; samples of 16 bits are converted one by one.
    cost: b.u8(24) === 16 ? 12 : 5,
  };
}
