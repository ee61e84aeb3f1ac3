/**
 * Many names in little memory, for what no range of keys finds: one text with
 * all of them, and a few numbers for each part of a name.
 *
 * @module
 */

import { distance } from "fastest-levenshtein";

/** Stands between names; none contains it. */
const END = "\n";

/** Longer parts of names are nearly nothing that is looked for. */
const MAX_PART = 255;

/** Names, read only. */
export class NameTable {
  /** All names, each with {@linkcode END}. */
  readonly #text: string;
  /** Where each name begins in the text. */
  readonly #starts: Uint32Array;
  /** Names, and what stands between their slashes, the shortest first. */
  readonly #parts: Parts;

  /** @param names each once; the shortest are found first. */
  constructor(names: readonly string[]) {
    this.#text = names.map((name) => `${name}${END}`).join("");
    this.#starts = new Uint32Array(names.length);
    let at = 0;
    for (const [i, name] of names.entries()) {
      this.#starts[i] = at;
      at += name.length + END.length;
    }
    this.#parts = new Parts(names, this.#starts);
  }

  /** Names that have `text` in them, the shortest first, at most `limit`. */
  containing(text: string, limit: number): string[] {
    if (text === "" || text.includes(END)) return [];
    const found: string[] = [];
    let at = this.#text.indexOf(text);
    while (at >= 0) {
      const name = this.#nameAt(at);
      found.push(name.text);
      at = this.#text.indexOf(text, name.end);
    }
    return found.sort(byLength).slice(0, limit);
  }

  /** Names that are up to `most` edits from `text`, or have a part that is, the nearest first, at most `limit`. */
  near(text: string, most: number, limit: number): string[] {
    const found = new Map<string, number>();
    for (const { start, length } of this.#parts.like(text, most)) {
      const far = distance(this.#text.slice(start, start + length), text);
      if (far === 0 || far > most) continue;
      const { text: name } = this.#nameAt(start);
      found.set(name, Math.min(far, found.get(name) ?? most));
    }
    return [...found]
      .sort(([a, far], [b, further]) => far - further || byLength(a, b))
      .slice(0, limit).map(([name]) => name);
  }

  /** The name around a place in the text. */
  #nameAt(place: number): { text: string; end: number } {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= place) low = middle;
      else high = middle - 1;
    }
    const end = this.#text.indexOf(END, place);
    return { text: this.#text.slice(this.#starts[low], end), end };
  }
}

/** Where parts of names are, ordered by their length, with a mark of their letters. */
class Parts {
  readonly #starts: Uint32Array;
  readonly #letters: Uint32Array;
  /** The first part of each length. */
  readonly #firsts = new Uint32Array(MAX_PART + 2);

  constructor(names: readonly string[], starts: Uint32Array) {
    for (const name of names) {
      for (const [, length] of partsOf(name)) add(this.#firsts, length + 1, 1);
    }
    for (let i = 1; i < this.#firsts.length; i++) {
      add(this.#firsts, i, this.#firsts[i - 1] ?? 0);
    }
    const next = this.#firsts.slice();
    const count = this.#firsts.at(-1) ?? 0;
    this.#starts = new Uint32Array(count);
    this.#letters = new Uint32Array(count);
    for (const [i, name] of names.entries()) {
      for (const [offset, length] of partsOf(name)) {
        const place = next[length] ?? 0;
        add(next, length, 1);
        this.#starts[place] = (starts[i] ?? 0) + offset;
        this.#letters[place] = lettersOf(name, offset, length);
      }
    }
  }

  /** Parts that may be up to `most` edits from `text`; all that are so, and some others. */
  *like(
    text: string,
    most: number,
  ): Generator<{ readonly start: number; readonly length: number }> {
    const letters = lettersOf(text, 0, text.length);
    const shortest = Math.max(1, text.length - most);
    const longest = Math.min(MAX_PART, text.length + most);
    for (let length = shortest; length <= longest; length++) {
      const end = this.#firsts[length + 1] ?? 0;
      for (let i = this.#firsts[length] ?? 0; i < end; i++) {
        // One edit takes away one letter at most, and adds one.
        const differing = bitsIn((this.#letters[i] ?? 0) ^ letters);
        if (differing > 2 * most) continue;
        yield { start: this.#starts[i] ?? 0, length };
      }
    }
  }
}

function add(numbers: Uint32Array, i: number, by: number): void {
  numbers[i] = (numbers[i] ?? 0) + by;
}

/** Offset and length of a name, and of what stands between its slashes. */
function* partsOf(name: string): Generator<readonly [number, number]> {
  if (name.length <= MAX_PART) yield [0, name.length];
  if (!name.includes("/")) return;
  let offset = 0;
  for (const part of name.split("/")) {
    if (part.length <= MAX_PART) yield [offset, part.length];
    offset += part.length + 1;
  }
}

/** A bit for each letter that occurs; some share one. */
function lettersOf(text: string, offset: number, length: number): number {
  let bits = 0;
  for (let i = offset; i < offset + length; i++) {
    bits |= 1 << (text.charCodeAt(i) & 31);
  }
  return bits;
}

function bitsIn(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function byLength(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
