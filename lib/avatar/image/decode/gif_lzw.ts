/**
 * The LZW data of GIF (GIF89a specification, appendix F).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";

/** Codes have at most 12 bits. */
const MAX_CODES = 4096;

/**
 * Decodes the sub-blocks at `offset`, which begin with the minimum code size,
 * to at most `pixels` colour indices; fewer where the data ends early or is
 * damaged. A stream need not begin with a clear code.
 */
export function decodeLzw(
  b: ByteReader,
  offset: number,
  pixels: number,
): Uint8Array {
  const output = new Uint8Array(pixels);
  const smallest = b.u8(offset);
  if (smallest < 1 || smallest > 11) return output.subarray(0, 0);
  const clear = 1 << smallest;
  const prefixes = new Uint16Array(MAX_CODES);
  const suffixes = Uint8Array.from({ length: MAX_CODES }, (_, i) => i);
  const stack = new Uint8Array(MAX_CODES + 1);
  let next = clear + 2;
  let size = smallest + 1;
  let previous = -1;
  let first = 0;
  let made = 0;
  let bits = 0;
  let held = 0;
  let o = offset + 1;
  let blockEnd = o;
  while (made < pixels) {
    while (held < size) {
      if (o === blockEnd) {
        const length = b.u8(o++);
        if (length === 0) return output.subarray(0, made);
        blockEnd = o + length;
      }
      bits |= b.u8(o++) << held;
      held += 8;
    }
    let code = bits & ((1 << size) - 1);
    bits >>>= size;
    held -= size;
    if (code === clear) {
      next = clear + 2;
      size = smallest + 1;
      previous = -1;
      continue;
    }
    const isKnown = code < next || (code === next && previous >= 0);
    if (code === clear + 1 || !isKnown) return output.subarray(0, made);
    const entry = code;
    let depth = 0;
    if (code === next) { // not in the table yet: the last string and its first index
      stack[depth++] = first;
      code = previous;
    }
    while (code >= clear && depth < MAX_CODES) {
      stack[depth++] = suffixes[code] ?? 0;
      code = prefixes[code] ?? 0;
    }
    first = code;
    stack[depth++] = first;
    if (previous >= 0 && next < MAX_CODES) {
      prefixes[next] = previous;
      suffixes[next] = first;
      next++;
      if (next === 1 << size && size < 12) size++;
    }
    previous = entry;
    while (depth > 0 && made < pixels) output[made++] = stack[--depth] ?? 0;
  }
  return output;
}
