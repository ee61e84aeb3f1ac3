/**
 * Reads the header of an image file before anything is decoded. Nothing is
 * inflated, no allocation depends on a length in the file, and every loop is
 * bounded by the file's size.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import type { ImageInfo } from "../info.ts";
import { sniffAvif } from "./sniff_avif.ts";
import { sniffGif } from "./sniff_gif.ts";
import { sniffJpeg } from "./sniff_jpeg.ts";
import { sniffPng } from "./sniff_png.ts";
import { sniffWebp } from "./sniff_webp.ts";

/** Shorter files are not images. */
const MIN_BYTES = 12;

/**
 * Describes an image file. Undefined when it has no known format, is truncated
 * before its size, or uses an unsupported coding. The file name and declared
 * media type are ignored. Never throws.
 */
export function sniff(bytes: Uint8Array): ImageInfo | undefined {
  if (bytes.length < MIN_BYTES) return undefined;
  const b = new ByteReader(bytes);
  if (b.has("\xff\xd8\xff", 0)) return sniffJpeg(b);
  if (b.has("\x89PNG\r\n\x1a\n", 0)) return sniffPng(b);
  if (b.has("GIF87a", 0) || b.has("GIF89a", 0)) return sniffGif(b);
  if (b.has("RIFF", 0) && b.has("WEBP", 8)) return sniffWebp(b);
  if (b.has("ftyp", 4)) return sniffAvif(b);
  return undefined;
}
