/**
 * How often repositories and their tags were pulled.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { countOf, readCounters } from "../../kv/counters.ts";
import type { Kv } from "../../kv/kv.ts";
import { dayOf, startOfDay } from "../order.ts";
import type { RepoRef } from "../visible.ts";
import { countKeys } from "./kv_keys.ts";
import type { IndexWatch } from "../watch.ts";

export interface PullsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly watch: IndexWatch;
}

/** Pulls of the days before today and of today. */
export interface DailyPulls {
  /** When the first day begins, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** By day, the oldest first; the last one is today in UTC. */
  readonly days: readonly number[];
}

/** Days of a chart. */
const MAX_DAYS = 90;
/** Rows read for the pulls of tags. */
const MAX_TAG_ROWS = 5_000;

/** Reads counts of pulls. */
export class Pulls {
  readonly #deps: PullsDeps;

  constructor(deps: PullsDeps) {
    this.#deps = deps;
  }

  /** All pulls of repositories, in the order of `refs`. */
  async totals(refs: readonly RepoRef[]): Promise<number[]> {
    const { kv, watch } = this.#deps;
    watch.rowsRead("pulls", refs.length);
    const keys = refs.map(({ did, repo }) => countKeys.pulls(did, repo));
    return await readCounters(kv, keys);
  }

  /** Pulls of a repository on each of the last `days` days, 90 at most. */
  async daily({ did, repo }: RepoRef, days = 30): Promise<DailyPulls> {
    const { kv, clock, watch } = this.#deps;
    const count = Math.min(days, MAX_DAYS);
    const first = dayOf(clock.now()) - count + 1;
    watch.rowsRead("daily pulls", count);
    const keys = Array.from(
      { length: count },
      (_, i) => countKeys.pullsOn(first + i, did, repo),
    );
    return { since: startOfDay(first), days: await readCounters(kv, keys) };
  }

  /**
   * Pulls by tag in the last `days` days, as far as it is known which tag was
   * pulled; of a repository with very many tags only the latest days.
   */
  async byTag(
    { did, repo }: RepoRef,
    days = 30,
  ): Promise<ReadonlyMap<string, number>> {
    const { kv, clock, watch } = this.#deps;
    const first = dayOf(clock.now()) - Math.min(days, MAX_DAYS) + 1;
    const prefix = countKeys.pullsOfTags(did, repo);
    const start = countKeys.pullsOfTags(did, repo, first);
    const tags = new Map<string, number>();
    let rows = 0;
    const selector = { prefix, start };
    const options = { limit: MAX_TAG_ROWS, reverse: true };
    for await (const { key, value } of kv.list<unknown>(selector, options)) {
      rows++;
      const tag = String(key.at(-1));
      tags.set(tag, (tags.get(tag) ?? 0) + countOf(value));
    }
    watch.rowsRead("pulls by tag", rows);
    return tags;
  }
}
