/**
 * What all questions to the index share: pages, the bound on rows, and who may
 * see what lies in which hold.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Did } from "../did.ts";
import type { Entry, Key, KeyPart, Kv, ListSelector } from "../kv/kv.ts";
import {
  cursorAfter,
  type CursorParts,
  keyPartsOf,
  limitOf,
  type Page,
  type PageRequest,
  partsOf,
} from "./cursor.ts";
import type { IndexWatch } from "./watch.ts";

/** Whether the client may read what lies in a hold. */
export type MayRead = (holdDid: Did) => Promise<boolean>;

/** What the parts of keys behind a prefix are. */
export type PartTypes = readonly ("string" | "number" | "bytes")[];

/** Rows of ranges that are read for one answer. */
const MAX_ROWS = 500;

/** One question: counts the rows that it reads, and asks once for each hold. */
export class Reading {
  readonly #kv: Kv;
  readonly #mayRead: MayRead;
  readonly #holds = new Map<Did, Promise<boolean>>();
  #rows = 0;
  #keyed = 0;

  constructor(kv: Kv, mayRead: MayRead) {
    this.#kv = kv;
    this.#mayRead = mayRead;
  }

  /** Whether no more rows may be read. */
  get isSpent(): boolean {
    return this.#rows >= MAX_ROWS;
  }

  /** Whether the client may read what lies in the hold. */
  mayRead(holdDid: Did): Promise<boolean> {
    const known = this.#holds.get(holdDid);
    if (known) return known;
    const asked = this.#mayRead(holdDid);
    this.#holds.set(holdDid, asked);
    return asked;
  }

  /** The first entries of a range, at most `limit`, and at most as many as may still be read. */
  async list<T>(selector: ListSelector, limit: number): Promise<Entry<T>[]> {
    const most = Math.min(limit, MAX_ROWS - this.#rows);
    const entries = await Array.fromAsync(
      this.#kv.list<T>(selector, { limit: most }),
    );
    this.#rows += entries.length;
    return entries;
  }

  /**
   * A page of the list `name`: the entries below `prefix`, in the order of their
   * keys; `types` are those of the key parts behind it. Throws AppError
   * `INVALID_REQUEST` for a bad cursor or limit.
   */
  async page<T>(
    name: string,
    prefix: Key,
    types: PartTypes,
    request: PageRequest,
  ): Promise<Page<Entry<T>>> {
    const limit = limitOf(request);
    const last = readCursor(
      name,
      request.cursor,
      types.map((type) => type === "number" ? type : "string"),
    );
    const start = last?.map((part, i) =>
      types[i] === "bytes" ? Buffer.from(String(part), "hex") : part
    );
    const items = await this.list<T>(after(prefix, start), limit);
    const end = items.length < limit ? undefined : items.at(-1);
    return {
      items,
      cursor: end && cursorOf(name, end.key.slice(prefix.length).map(textOf)),
    };
  }

  /** Several entries by their keys, in order; as many as the ranges that led to them bound. */
  async many<T>(
    keys: readonly Key[],
  ): Promise<(T | undefined)[]> {
    this.#keyed += keys.length;
    const entries = await this.#kv.getMany<T>(keys);
    return entries.map((entry) => entry?.value);
  }

  /** One entry by its key; undefined when there is none. */
  async one<T>(key: Key): Promise<T | undefined> {
    this.#keyed++;
    return (await this.#kv.get<T>(key))?.value;
  }

  /** Reports the rows that `query` took, those read by their keys included. */
  end(watch: IndexWatch, query: string): void {
    watch.rowsRead(query, this.#rows + this.#keyed);
  }
}

/** Keys behind `last` below `prefix`; all of them when there is no `last`. */
export function after(prefix: Key, last: Key | undefined): ListSelector {
  if (!last || last.length === 0) return { prefix };
  const final = last.at(-1);
  // A text and the text with a NUL behind it are neighbours.
  const next = typeof final === "string"
    ? [...last.slice(0, -1), `${final}\0`]
    : [...last, true];
  return { prefix, start: [...prefix, ...next] };
}

/** A part of a key in a cursor. */
function textOf(part: KeyPart): string | number {
  if (part instanceof Uint8Array) return part.toHex();
  return typeof part === "number" ? part : String(part);
}

/** A cursor that only the list `name` takes. */
export function cursorOf(name: string, at: CursorParts): string {
  return cursorAfter([name, ...at]);
}

/** Reads a cursor of the list `name`; `types` are those of its parts. Throws AppError `INVALID_REQUEST` for any other text. */
export function readCursor(
  name: string,
  cursor: string | undefined,
  types: readonly ("string" | "number")[],
): CursorParts | undefined {
  const found = partsOf(cursor, ["string", ...types]);
  if (found === undefined) return undefined;
  const [list, ...at] = found;
  // Throws as for any text that is no cursor.
  if (list !== name) partsOf("", types);
  return keyPartsOf(at);
}
