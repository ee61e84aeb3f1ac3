/**
 * Corrupt pictures: test images with flipped bits, truncated, with the header
 * of another, or with duplicated pieces. The same number always gives the same
 * bytes.
 *
 * @module
 */

import { fixture, fixtures } from "../support/images.ts";

const sources = fixtures.map(({ file }) => file);

/** A small generator of numbers below `bound`. */
function random(seed: number): (bound: number) => number {
  let state = (seed + 1) * 2654435761 >>> 0;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % bound;
  };
}

/** The mutation with this number. */
export function mutant(number: number): Uint8Array<ArrayBuffer> {
  const below = random(number);
  const pick = () => fixture(sources[below(sources.length)] ?? "");
  const bytes = pick();
  if (bytes.length < 4) return bytes;
  switch (number % 4) {
    case 0: // flipped bits, most of them near the head
      for (let i = below(40); i >= 0; i--) {
        const reach = i % 2 === 0 ? Math.min(200, bytes.length) : bytes.length;
        const at = below(reach);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
      }
      return bytes;
    case 1:
      return bytes.slice(0, below(bytes.length));
    case 2: { // the head of another picture
      const other = pick();
      const head = below(Math.min(600, other.length));
      return joined(other.subarray(0, head), bytes.subarray(head));
    }
    default: { // a piece twice, and numbers at their limits
      const from = below(bytes.length);
      const to = from + below(bytes.length - from);
      const at = below(bytes.length);
      bytes.fill(0xff, at, at + below(8));
      return joined(bytes.subarray(0, to), bytes.subarray(from));
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
