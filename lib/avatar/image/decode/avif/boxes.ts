/**
 * The boxes of ISO base media files (ISO/IEC 14496-12, section 4.2).
 *
 * @module
 */

import type { ByteReader } from "../../byte_reader.ts";

/** A box without its header. */
export interface Box {
  readonly type: string;
  /** First byte of the content. */
  readonly start: number;
  readonly end: number;
}

/** Version and flags in front of the content of a full box. */
export const FULL_BOX = 4;
/** Maximum boxes on one level; a file with more is refused. */
const MAX_BOXES = 256;

/** Four characters at `offset`. */
export function fourCharacters(b: ByteReader, offset: number): string {
  return String.fromCharCode(
    b.u8(offset),
    b.u8(offset + 1),
    b.u8(offset + 2),
    b.u8(offset + 3),
  );
}

/** The boxes of one level, or undefined when they do not fill it. */
export function boxes(
  b: ByteReader,
  start: number,
  end: number,
): Box[] | undefined {
  const found: Box[] = [];
  for (let o = start; o < end;) {
    if (o + 8 > end || found.length === MAX_BOXES) return undefined;
    const size = b.be32(o);
    const type = fourCharacters(b, o + 4);
    if (size === 0) { // reaches to the end
      found.push({ type, start: o + 8, end });
      break;
    }
    const wide = size === 1;
    const length = wide ? b.be(o + 8, 8) : size;
    const head = wide ? 16 : 8;
    if (length < head || o + length > end) return undefined;
    found.push({ type, start: o + head, end: o + length });
    o += length;
  }
  return found;
}

/** The box of a type that must not be repeated. */
export function single(
  found: readonly Box[] | undefined,
  type: string,
): Box | undefined {
  const matching = found?.filter((box) => box.type === type) ?? [];
  return matching.length === 1 ? matching[0] : undefined;
}
