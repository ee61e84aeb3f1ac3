/**
 * Reads from an image file what must be known before anything is decoded.
 * Nothing is inflated, nothing is allocated from a length found in the file,
 * and every loop is bounded by the bytes that are there.
 *
 * @module
 */

import { ByteReader } from "../bytes.ts";
import type { ImageInfo } from "../info.ts";
import { sniffAvif } from "./sniff_avif.ts";
import { sniffGif } from "./sniff_gif.ts";
import { sniffJpeg } from "./sniff_jpeg.ts";
import { sniffPng } from "./sniff_png.ts";
import { sniffWebp } from "./sniff_webp.ts";

/** Shorter files are no image. */
const MIN_BYTES = 12;

/**
 * Describes an image file. Undefined when it is none of the known formats, is
 * cut off before its size, or uses a coding that no decoder here reads. The
 * name and media type that came with the bytes play no part. Never throws.
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
