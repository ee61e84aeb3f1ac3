/**
 * Names of all repositories in memory, for what no range of keys finds: parts
 * of words, and names that were typed wrong.
 *
 * @module
 */

import { distance } from "fastest-levenshtein";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { searchKeys } from "./kv_keys.ts";

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

interface NamePart {
  readonly part: string;
  readonly name: string;
}

/** Names that were read; undefined: there are too many. */
interface Names {
  readonly names: readonly string[] | undefined;
  /** Names, and what stands between their slashes, by length. */
  readonly parts: ReadonlyMap<number, readonly NamePart[]>;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
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
    const found: string[] = [];
    for (const name of await this.#names()) {
      if (name.includes(text)) found.push(name);
    }
    return found.sort(byLength).slice(0, limit);
  }

  /** Names that are nearly `text`, or have a part that is, the nearest first, at most `limit`. */
  async near(text: string, limit: number): Promise<string[]> {
    if (text.length < 3 || text.length > MAX_TEXT) return [];
    const most = text.length < 8 ? 1 : 2;
    await this.#names();
    const found = new Map<string, number>();
    for (
      let length = text.length - most;
      length <= text.length + most;
      length++
    ) {
      for (const { part, name } of this.#known?.parts.get(length) ?? []) {
        const far = distance(part, text);
        if (far === 0 || far > most) continue;
        found.set(name, Math.min(far, found.get(name) ?? most));
      }
    }
    return [...found]
      .sort(([a, far], [b, further]) => far - further || byLength(a, b))
      .slice(0, limit).map(([name]) => name);
  }

  async #names(): Promise<readonly string[]> {
    const { clock } = this.#deps;
    if (this.#known && this.#known.until > clock.now()) {
      return this.#known.names ?? [];
    }
    const read = this.#flights.run("names", undefined, () => this.#read());
    // An old list is better than waiting for the next one.
    if (!this.#known) return await read;
    read.catch(() => {});
    return this.#known.names ?? [];
  }

  async #read(): Promise<readonly string[]> {
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
    const now = clock.now();
    const known = rows > maxNames ? [] : names;
    this.#known = {
      names: rows > maxNames ? undefined : names,
      parts: Map.groupBy(known.flatMap(partsOf), ({ part }) => part.length),
      until: now + Math.max(FRESH_MS, (now - begun) / SHARE),
    };
    return this.#known.names ?? [];
  }
}

function partsOf(name: string): NamePart[] {
  return [...new Set([name, ...name.split("/")])].map((part) => ({
    part,
    name,
  }));
}

function byLength(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
