/**
 * Header of GIF files (GIF89a specification).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import type { ImageInfo } from "../info.ts";

const EXTENSION = 0x21;
const IMAGE = 0x2c;

/** Size of the colour table declared by packed `flags`. */
const colourTableBytes = (flags: number) =>
  flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;

/** Offset after a chain of sub-blocks. */
function skipSubBlocks(b: ByteReader, offset: number): number {
  let o = offset;
  while (o < b.length && b.u8(o) !== 0) o += b.u8(o) + 1;
  return o + 1;
}

/**
 * Reads up to two frames. The size is the canvas, enlarged to contain the first
 * frame, which may exceed it. Undefined when there is no frame.
 */
export function sniffGif(b: ByteReader): ImageInfo | undefined {
  let width = b.le16(6);
  let height = b.le16(8);
  let frames = 0;

  let o = 13 + colourTableBytes(b.u8(10));
  while (o < b.length && frames < 2) {
    const block = b.u8(o++);
    if (block === EXTENSION) { // a label, then sub-blocks
      o = skipSubBlocks(b, o + 1);
    } else if (block === IMAGE) {
      if (o + 9 > b.length) break;
      frames++;
      if (frames === 1) {
        width = Math.max(width, b.le16(o) + b.le16(o + 4));
        height = Math.max(height, b.le16(o + 2) + b.le16(o + 6));
      }
      o += 9 + colourTableBytes(b.u8(o + 8)) + 1; // 1: LZW minimum code size
      o = skipSubBlocks(b, o);
    } else break;
  }

  if (frames === 0 || width === 0 || height === 0) return undefined;
  return {
    format: "gif",
    width,
    height,
    orientation: 1,
    animated: frames > 1,
    alpha: true,
    icc: false,
    bytesPerPixel: 8,
    cost: 1,
  };
}
