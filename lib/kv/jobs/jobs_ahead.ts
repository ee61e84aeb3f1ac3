/**
 * Repairs jobs scheduled by a clock that was ahead and has been set back: they
 * would wait for as long as it was ahead.
 *
 * @module
 */

import { type Clock, isAhead, isWithin } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { addJob, type JobKind, type JobRow } from "./jobs.ts";
import { dueKey, dueKeys, jobKey } from "../keys.ts";
import type { Kv } from "../kv.ts";

/** Interval of the check in milliseconds; the clock may be set back at any time. */
const EVERY_MS = 60_000;

/** Jobs of one kind checked in one round, latest first. */
const MAX_LOOKED_AT = 1_000;

/** Reschedules jobs with a time too far ahead, so that they wait no longer than intended. */
export class JobsAhead {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #log: Logger;
  #lookedAt = -Infinity;

  /** @param deps.clock must be the clock of `kv`. */
  constructor(deps: { kv: Kv; clock: Clock; log: Logger }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Checks the jobs of these kinds, at most once a minute. */
  async bringBack(kinds: Iterable<JobKind<unknown>>): Promise<void> {
    const now = this.#clock.now();
    if (isWithin(this.#lookedAt, EVERY_MS, now)) return;
    this.#lookedAt = now;
    for (const kind of kinds) {
      const jobs = await this.#bringBackOf(kind.name);
      if (jobs === 0) continue;
      const fields = { kind: kind.name, jobs };
      this.#log.warn("jobs of a clock that was ahead were moved", fields);
    }
  }

  async #bringBackOf(kind: string): Promise<number> {
    let moved = 0;
    const ids: string[] = [];
    const all = dueKeys(kind, Number.MAX_VALUE);
    const options = { limit: MAX_LOOKED_AT, reverse: true };
    for await (const due of this.#kv.list(all, options)) {
      if (Number(due.key.at(-2)) <= this.#clock.now()) break;
      ids.push(String(due.key.at(-1)));
    }
    const rows = await this.#kv.getMany<JobRow>(ids.map(jobKey));
    for (const job of rows) {
      if (job === undefined) continue;
      const now = this.#clock.now();
      const { runAt, enqueuedAt, plannedAt = enqueuedAt } = job.value;
      if (!isAhead(plannedAt, now)) continue;
      const pause = Math.max(0, runAt - plannedAt);
      const next = { ...job.value, runAt: now + pause, plannedAt: now };
      const id = String(job.key.at(-1));
      const commit = this.#kv.atomic().check(job.key, job.versionstamp)
        .delete(dueKey(kind, runAt, id));
      addJob(commit, id, next);
      if (await commit.commit()) moved++;
    }
    return moved;
  }
}
