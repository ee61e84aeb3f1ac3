/**
 * The items of a HEIF file (ISO/IEC 23008-12): types, locations, references and
 * properties.
 *
 * @module
 */

import type { ByteReader } from "../../byte_reader.ts";
import { joinBytes } from "../../../../bytes.ts";
import { type Box, boxes, fourCharacters, FULL_BOX, single } from "./boxes.ts";

/** An item of a file. */
export interface Item {
  readonly id: number;
  readonly type: string;
  /** Its properties, in order. */
  readonly properties: readonly Box[];
}

/** A typed reference of an item to others. */
export interface Reference {
  readonly type: string;
  readonly from: number;
  readonly to: readonly number[];
}

/** Places of an item's data in the file. */
type Extents = readonly { readonly start: number; readonly end: number }[];

/** Maximum items, extents of an item, and references; a file with more is refused. */
const MAX_ENTRIES = 256;

/** The items of a `meta` box. */
export class ItemTable {
  readonly #b: ByteReader;
  readonly #items = new Map<number, Item>();
  readonly #extents: ReadonlyMap<number, Extents>;
  readonly #references: readonly Reference[];

  private constructor(
    b: ByteReader,
    types: ReadonlyMap<number, string>,
    extents: ReadonlyMap<number, Extents>,
    properties: ReadonlyMap<number, readonly Box[]>,
    references: readonly Reference[],
  ) {
    this.#b = b;
    this.#extents = extents;
    this.#references = references;
    for (const [id, type] of types) {
      this.#items.set(id, { id, type, properties: properties.get(id) ?? [] });
    }
  }

  /** Reads the children of a `meta` box; undefined when they cannot be read. */
  static read(
    b: ByteReader,
    children: readonly Box[],
  ): ItemTable | undefined {
    const locations = single(children, "iloc");
    const infos = single(children, "iinf");
    const properties = single(children, "iprp");
    if (!locations || !infos || !properties) return undefined;
    const inline = single(children, "idat");
    const extents = itemExtents(b, locations, inline);
    const shapes = itemProperties(b, properties);
    if (extents === undefined || shapes === undefined) return undefined;
    const references = itemReferences(b, single(children, "iref"));
    return new ItemTable(b, itemTypes(b, infos), extents, shapes, references);
  }

  /** The item, if the file has it exactly once. */
  get(id: number): Item | undefined {
    return this.#items.get(id);
  }

  /** The data of an item; undefined where it is missing or outside the file. */
  data(id: number): Uint8Array | undefined {
    const extents = this.#extents.get(id);
    if (extents === undefined) return undefined;
    const size = extents.reduce((sum, { start, end }) => sum + end - start, 0);
    if (size > this.#b.length) return undefined;
    const parts = extents.map(({ start, end }) => this.#b.slice(start, end));
    return parts.length === 1 ? parts[0] : joinBytes(parts);
  }

  /** The items to which `from` refers by `type`. */
  referencesOf(from: number, type: string): readonly number[] {
    return this.#references
      .filter((reference) => reference.from === from && reference.type === type)
      .flatMap((reference) => reference.to);
  }

  /** The items that refer to `to` by `type`. */
  referringTo(to: number, type: string): readonly Item[] {
    return this.#references
      .filter((reference) =>
        reference.type === type && reference.to.includes(to)
      )
      .flatMap((reference) => this.#items.get(reference.from) ?? []);
  }
}

/** Types of items (`iinf`); of an item that is declared twice, none. */
function itemTypes(b: ByteReader, infos: Box): Map<number, string> {
  const types = new Map<number, string>();
  const head = FULL_BOX + (b.u8(infos.start) > 0 ? 4 : 2);
  for (const box of boxes(b, infos.start + head, infos.end) ?? []) {
    if (box.type !== "infe") continue;
    const wide = b.u8(box.start) >= 3;
    const id = b.be(box.start + FULL_BOX, wide ? 4 : 2);
    const at = box.start + FULL_BOX + (wide ? 6 : 4);
    types.set(id, types.has(id) ? "" : fourCharacters(b, at));
  }
  return types;
}

/** Places of items (`iloc`); undefined when one is outside the file. */
function itemExtents(
  b: ByteReader,
  { start, end }: Box,
  inline: Box | undefined,
): Map<number, Extents> | undefined {
  const version = b.u8(start);
  const sizes = b.be16(start + FULL_BOX);
  const offsetSize = sizes >> 12;
  const lengthSize = (sizes >> 8) & 15;
  const baseSize = (sizes >> 4) & 15;
  const indexSize = version > 0 ? sizes & 15 : 0;
  const idSize = version < 2 ? 2 : 4;
  let o = start + FULL_BOX + 2;
  const take = (bytes: number) => {
    const value = b.be(o, bytes);
    o += bytes;
    return value;
  };
  const count = take(idSize);
  if (version > 2 || count > MAX_ENTRIES) return undefined;

  const found = new Map<number, Extents>();
  for (let i = 0; i < count && o < end; i++) {
    const id = take(idSize);
    const method = version > 0 ? take(2) & 15 : 0;
    const elsewhere = take(2);
    const base = take(baseSize);
    const extents = take(2);
    if (method > 1 || elsewhere !== 0 || extents > MAX_ENTRIES) {
      return undefined;
    }
    const origin = method === 1 ? inline?.start : 0;
    const limit = method === 1 ? inline?.end : b.length;
    if (origin === undefined || limit === undefined) return undefined;
    const parts = [];
    for (let k = 0; k < extents && o < end; k++) {
      take(indexSize);
      const from = origin + base + take(offsetSize);
      const length = take(lengthSize);
      const to = length === 0 ? limit : from + length;
      if (to > limit || from > to) return undefined;
      parts.push({ start: from, end: to });
    }
    if (found.has(id)) return undefined;
    found.set(id, parts);
  }
  return found;
}

/** Properties of all items (`iprp`). */
function itemProperties(
  b: ByteReader,
  { start, end }: Box,
): Map<number, Box[]> | undefined {
  const parts = boxes(b, start, end);
  const container = single(parts, "ipco");
  if (container === undefined) return undefined;
  const all = boxes(b, container.start, container.end) ?? [];
  const found = new Map<number, Box[]>();
  for (const box of parts ?? []) {
    if (box.type !== "ipma") continue;
    for (const [id, index] of associations(b, box)) {
      const property = all[index - 1];
      if (property === undefined) continue;
      const list = found.get(id);
      if (list === undefined) found.set(id, [property]);
      else list.push(property);
    }
  }
  return found;
}

/** Pairs of an item and the number, from 1, of a property of it (`ipma`). */
function associations(
  b: ByteReader,
  { start, end }: Box,
): (readonly [id: number, index: number])[] {
  const wideId = b.u8(start) > 0;
  const wideIndex = (b.u8(start + 3) & 1) === 1;
  const entries = Math.min(b.be32(start + FULL_BOX), MAX_ENTRIES);
  let o = start + FULL_BOX + 4;
  const found: (readonly [number, number])[] = [];
  for (let i = 0; i < entries && o < end; i++) {
    const id = b.be(o, wideId ? 4 : 2);
    o += wideId ? 4 : 2;
    const count = b.u8(o++);
    for (let k = 0; k < count; k++) {
      const index = wideIndex ? b.be16(o) & 0x7fff : b.u8(o) & 0x7f;
      o += wideIndex ? 2 : 1;
      found.push([id, index]);
    }
  }
  return found;
}

/** References between items (`iref`). */
function itemReferences(b: ByteReader, box: Box | undefined): Reference[] {
  if (box === undefined) return [];
  const size = b.u8(box.start) > 0 ? 4 : 2;
  const found = boxes(b, box.start + FULL_BOX, box.end) ?? [];
  return found.map(({ type, start }) => {
    const count = Math.min(b.be16(start + size), MAX_ENTRIES);
    const to = Array.from(
      { length: count },
      (_, i) => b.be(start + size + 2 + i * size, size),
    );
    return { type, from: b.be(start, size), to };
  });
}
