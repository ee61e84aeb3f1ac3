/**
 * Header of GIF files (GIF89a specification).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import type { Rect, Size } from "../geometry.ts";
import type { ImageInfo } from "../info.ts";

/** A frame with the places of its parts in the file. */
export interface GifFrame extends Rect {
  readonly interlaced: boolean;
  /** First byte of the colour table, and its entries; 0 without a table. */
  readonly table: number;
  readonly entries: number;
  /** The index that is transparent, or -1. */
  readonly transparent: number;
  /** Offset of the coded pixels. */
  readonly data: number;
}

const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const IMAGE = 0x2c;
const HEADER_BYTES = 13;

/** Entries of the colour table declared by packed `flags`. */
const tableEntries = (flags: number) =>
  flags & 0x80 ? 1 << ((flags & 7) + 1) : 0;

/** Offset after a chain of sub-blocks. */
function skipSubBlocks(b: ByteReader, offset: number): number {
  let o = offset;
  while (o < b.length && b.u8(o) !== 0) o += b.u8(o) + 1;
  return o + 1;
}

/** Up to two frames. */
function framesOf(b: ByteReader): GifFrame[] {
  const frames: GifFrame[] = [];
  const shared = { table: HEADER_BYTES, entries: tableEntries(b.u8(10)) };
  let transparent = -1;
  let o = HEADER_BYTES + shared.entries * 3;
  while (o < b.length && frames.length < 2) {
    const block = b.u8(o++);
    if (block === EXTENSION) { // a label, then sub-blocks
      if (b.u8(o) === GRAPHIC_CONTROL) {
        transparent = b.u8(o + 2) & 1 ? b.u8(o + 5) : -1;
      }
      o = skipSubBlocks(b, o + 1);
    } else if (block === IMAGE) {
      if (o + 9 > b.length) break;
      const flags = b.u8(o + 8);
      const own = { table: o + 9, entries: tableEntries(flags) };
      const data = own.table + own.entries * 3;
      frames.push({
        x: b.le16(o),
        y: b.le16(o + 2),
        width: b.le16(o + 4),
        height: b.le16(o + 6),
        interlaced: (flags & 0x40) !== 0,
        ...(own.entries > 0 ? own : shared),
        transparent,
        data,
      });
      transparent = -1;
      o = skipSubBlocks(b, data + 1); // after the LZW minimum code size
    } else if (block !== 0) break; // a stray terminator is skipped
  }
  return frames;
}

/** The first frame; undefined when there is none. */
export function firstGifFrame(b: ByteReader): GifFrame | undefined {
  return framesOf(b)[0];
}

/**
 * Reads up to two frames. The size is the canvas, enlarged to contain the first
 * frame, which may exceed it. Undefined when there is no frame.
 */
export function sniffGif(b: ByteReader): ImageInfo | undefined {
  const frames = framesOf(b);
  const [first] = frames;
  if (first === undefined || first.width * first.height === 0) return undefined;
  const canvas: Size = { width: b.le16(6), height: b.le16(8) };
  return {
    format: "gif",
    width: Math.max(canvas.width, first.x + first.width),
    height: Math.max(canvas.height, first.y + first.height),
    orientation: 1,
    animated: frames.length > 1,
    alpha: true,
    icc: false,
    colours: "rgb",
    bytesPerPixel: 9,
    cost: 8,
  };
}
