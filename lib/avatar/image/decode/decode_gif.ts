/**
 * The first frame of a GIF (GIF89a specification).
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import type { Size } from "../geometry.ts";
import { firstGifFrame, type GifFrame } from "../sniff/sniff_gif.ts";
import { corrupt, type Decoded, onCanvas, wholeImage } from "./decoded.ts";
import { decodeLzw } from "./gif_lzw.ts";

/** Row order of interlaced images: first row and step of each pass. */
const PASSES = [[0, 8], [4, 8], [2, 4], [1, 2]] as const;

/** An index without a colour. */
const NONE = 256;

/**
 * Decodes the first frame onto its canvas; uncovered areas are transparent, and
 * so is what is missing where the data ends early. `size` is the sniffed size,
 * to which the limits were applied.
 *
 * Throws AppError `UNPROCESSABLE` when there is no frame.
 */
export function decodeGif(bytes: Uint8Array, size: Size): Decoded {
  const b = new ByteReader(bytes);
  const frame = firstGifFrame(b);
  if (frame === undefined) throw corrupt("GIF", new Error("no frame"));
  return wholeImage(onCanvas(pixelsOf(b, frame), frame, size), size, "rgba");
}

function pixelsOf(b: ByteReader, frame: GifFrame): Uint8Array {
  const { width, height, interlaced, data } = frame;
  const colours = coloursOf(b, frame);
  const indices = decodeLzw(b, data, width * height);
  const pixels = new Uint32Array(width * height);
  let from = 0;
  for (const [first, step] of interlaced ? PASSES : [[0, 1] as const]) {
    for (let y = first; y < height; y += step) {
      const at = y * width;
      for (let x = 0; x < width; x++) {
        pixels[at + x] = colours[indices[from++] ?? NONE] ?? 0;
      }
    }
  }
  return new Uint8Array(pixels.buffer);
}

/** RGBA of each index; of those beyond the table transparent. */
function coloursOf(
  b: ByteReader,
  { table, entries, transparent }: GifFrame,
): Uint32Array {
  const colours = new Uint8Array(1024);
  for (let i = 0; i < entries; i++) {
    if (i === transparent) continue;
    const at = table + i * 3;
    colours.set([b.u8(at), b.u8(at + 1), b.u8(at + 2), 255], i * 4);
  }
  return new Uint32Array(colours.buffer);
}
