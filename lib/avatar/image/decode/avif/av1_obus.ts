/**
 * Parses the headers of AV1 data (AV1 bitstream specification, section 5): size
 * and number of frames.
 *
 * @module
 */

import type { ByteReader } from "../../byte_reader.ts";

/** Work that a decoder will have with the data. */
export interface Av1Summary {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

const SEQUENCE_HEADER = 1;
const FRAME_HEADER = 3;
const FRAME = 6;
/** Other unit types of a still image: delimiter, tile group, metadata, padding. */
const HARMLESS = [2, 4, 5, 15];
/** Maximum units; data with more is refused. */
const MAX_UNITS = 256;

/** Reads bits, most significant first. */
class BitReader {
  #bit: number;
  readonly #b: ByteReader;

  constructor(b: ByteReader, offset: number) {
    this.#b = b;
    this.#bit = offset * 8;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#bit++) {
      const byte = this.#b.u8(this.#bit >> 3);
      value = value * 2 + ((byte >> (7 - (this.#bit & 7))) & 1);
    }
    return value;
  }
}

/** Walks the units between `start` and `end`; undefined when they are not those of a plain still image. */
export function summariseAv1(
  b: ByteReader,
  start: number,
  end: number,
): Av1Summary | undefined {
  let size: { width: number; height: number } | undefined;
  let frames = 0;
  let o = start;
  for (let n = 0; o < end; n++) {
    if (n === MAX_UNITS) return undefined;
    const head = b.u8(o++);
    const type = (head >> 3) & 15;
    if ((head & 4) !== 0) o++; // extension
    let length = end - o;
    if ((head & 2) !== 0) {
      length = 0;
      for (let i = 0; i < 8; i++) { // leb128
        const byte = b.u8(o++);
        length += (byte & 0x7f) * 2 ** (7 * i);
        if (byte < 0x80) break;
      }
    }
    if (o + length > end) return undefined;
    if (type === SEQUENCE_HEADER) {
      if (size !== undefined) return undefined;
      size = sequenceSize(b, o);
      if (size === undefined) return undefined;
    } else if (type === FRAME || type === FRAME_HEADER) frames++;
    else if (!HARMLESS.includes(type)) return undefined;
    o += length;
  }
  return size && { ...size, frames };
}

/** Largest frame of a sequence (section 5.5.1); undefined for sequences that time their frames. */
function sequenceSize(
  b: ByteReader,
  offset: number,
): { width: number; height: number } | undefined {
  const r = new BitReader(b, offset);
  r.bits(3); // profile
  r.bits(1); // still picture
  const reduced = r.bits(1) === 1;
  if (reduced) {
    r.bits(5); // level
  } else {
    if (r.bits(1) === 1) return undefined; // timing info
    const displayDelay = r.bits(1) === 1;
    const points = r.bits(5) + 1;
    for (let i = 0; i < points; i++) {
      r.bits(12);
      if (r.bits(5) > 7) r.bits(1); // tier
      if (displayDelay && r.bits(1) === 1) r.bits(4);
    }
  }
  const widthBits = r.bits(4) + 1;
  const heightBits = r.bits(4) + 1;
  const width = r.bits(widthBits) + 1;
  return { width, height: r.bits(heightBits) + 1 };
}
