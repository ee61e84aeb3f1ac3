/**
 * Names of all repositories in memory, for what no range of keys finds: parts
 * of words, and names that were typed wrong.
 *
 * @module
 */

import { SingleFlight } from "../../async/single_flight.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { searchKeys } from "./kv_keys.ts";
import { NameTable } from "./name_table.ts";

export interface NameListDeps {
  kv: Kv;
  clock: Clock;
  /** With more repositories there is no such list. */
  maxNames: number;
}

/** Reading the names may take this part of the time, so that a long list is read less often. */
const SHARE = 0.01;

/** Names are read again after so long at least, in milliseconds. */
const FRESH_MS = 5_000;

/** Longest text that is compared with all names. */
const MAX_TEXT = 64;

/** Names that were read. */
interface Names {
  /** Without names if there are too many. */
  readonly table: NameTable;
  /** Milliseconds since the Unix epoch. */
  readonly readAt: number;
  /** How long they are used, in milliseconds. */
  readonly freshMs: number;
}

/** Reads the names when they are needed. */
export class NameList {
  readonly #deps: NameListDeps;
  readonly #flights = new SingleFlight();
  #known: Names | undefined;

  constructor(deps: NameListDeps) {
    this.#deps = deps;
  }

  /** Names that have `text` in them, the shortest first, at most `limit`. */
  async containing(text: string, limit: number): Promise<string[]> {
    return (await this.#table()).containing(text, limit);
  }

  /** Names that are nearly `text`, or have a part that is, the nearest first, at most `limit`. */
  async near(text: string, limit: number): Promise<string[]> {
    if (text.length < 3 || text.length > MAX_TEXT) return [];
    const most = text.length < 8 ? 1 : 2;
    return (await this.#table()).near(text, most, limit);
  }

  async #table(): Promise<NameTable> {
    const known = this.#known;
    const now = this.#deps.clock.now();
    if (known && isWithin(known.readAt, known.freshMs, now)) return known.table;
    const read = this.#flights.run("names", undefined, () => this.#read());
    // An old list is better than waiting for the next one.
    if (!known) return await read;
    read.catch(() => {});
    return known.table;
  }

  async #read(): Promise<NameTable> {
    const { kv, clock, maxNames } = this.#deps;
    const begun = clock.now();
    const names: string[] = [];
    const prefix = searchKeys.allNames();
    let rows = 0;
    for await (const { key } of kv.list({ prefix }, { limit: maxNames + 1 })) {
      rows++;
      const name = String(key.at(-2));
      if (names.at(-1) !== name) names.push(name);
    }
    const table = new NameTable(rows > maxNames ? [] : names);
    const readAt = clock.now();
    const freshMs = Math.max(FRESH_MS, (readAt - begun) / SHARE);
    this.#known = { table, readAt, freshMs };
    return table;
  }
}
