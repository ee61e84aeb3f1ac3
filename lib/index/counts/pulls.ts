/**
 * How often repositories were pulled.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { readCounters } from "../../kv/counters.ts";
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
}
