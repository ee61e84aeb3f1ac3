/**
 * Looks at holds by the clock and when pages ask: never twice at the same time
 * at one hold, however many instances there are, and at few holds at once.
 *
 * @module
 */

import { z } from "zod";
import { Semaphore } from "../../async/semaphore.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { type Did, storedDidSchema } from "../../did.ts";
import type { JobHandler } from "../../kv/jobs/job_handler.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import {
  freshFor,
  healthAfter,
  type HealthRow,
  type HealthTimes,
  pauseAfter,
} from "./health_rows.ts";
import { holdKeys } from "./kv_keys.ts";
import type { Probe } from "./probe.ts";

export interface HoldHealthDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: HealthTimes;
  /** Looks at a hold once. */
  readonly probe: (did: Did, signal: AbortSignal) => Promise<Probe>;
  /** Hears what each look has found. */
  readonly onProbe: (did: Did, probe: Probe) => Promise<void>;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

const payload = z.object({ did: storedDidSchema });

/** A look by the clock; queues the next one itself. Slow holds have slots of their own. */
export const HOLD_CHECK: JobKind<{ did: Did }> = {
  name: "index.hold_check",
  payload,
  concurrency: 4,
};

/** Holds that are looked at by the clock. */
const MAX_WATCHED = 10_000;

/** Looks at the same time because pages ask, and those that wait for them. */
const AT_ONCE = 8;
const MAX_WAITING = 100;

/** Limit on how long a page waits for the first check of a hold, in milliseconds. */
const PATIENCE_MS = 2_000;

/** The check of a dead instance ends after this time, in milliseconds. */
const LEASE_MS = 30_000;

/** The rows of a hold that was not requested for this time are deleted, in milliseconds. */
const UNASKED_MS = 7 * 86_400_000;

/** How exactly it is noted when a page asked, in milliseconds. */
const ASKED_MS = 3_600_000;

const ATTEMPTS = 10;
const NEW: HealthRow = { watched: false, failures: 0 };

/** Knows how holds are. */
export class HoldHealth {
  readonly #deps: HoldHealthDeps;
  readonly #slots = new Semaphore(AT_ONCE);
  /** Looks under way in this process, by hold. */
  readonly #looks = new Map<Did, Promise<HealthRow>>();
  readonly #stopped = new AbortController();

  constructor(deps: HoldHealthDeps) {
    this.#deps = deps;
  }

  /**
   * The health of a hold. An old result is returned and refreshed in the
   * background; only the first check is waited for, two seconds at most.
   */
  async get(did: Did): Promise<HealthRow> {
    const { clock, times } = this.#deps;
    const row = await this.#asked(did);
    const { checkedAt } = row;
    const isFresh = checkedAt !== undefined &&
      isWithin(checkedAt, freshFor(row, times), clock.now());
    if (isFresh || this.#isCrowded(did)) return row;
    const look = this.#look(did);
    if (checkedAt !== undefined) return row;
    const over = new AbortController();
    try {
      const late = clock.sleep(PATIENCE_MS, over.signal).then(() => row);
      return await Promise.race([look, late]);
    } finally {
      over.abort();
    }
  }

  /** Looks at a hold by the clock from now on; or no more, once it is no hold. */
  async watch(did: Did, watched: boolean): Promise<void> {
    const { kv } = this.#deps;
    const count = await kv.counter(holdKeys.watchedCount());
    await this.#change(did, (before, commit) => {
      if ((before?.watched ?? false) === watched) return undefined;
      if (!watched) {
        commit.sum(holdKeys.watchedCount(), -1n);
        return { ...NEW, ...before, watched };
      }
      if (count >= MAX_WATCHED) return undefined;
      commit.sum(holdKeys.watchedCount(), 1n);
      this.#plan(commit, did, 0);
      return { ...NEW, ...before, watched };
    });
  }

  /** Looks by the clock; the handler of {@linkcode HOLD_CHECK}. */
  readonly run: JobHandler<{ did: Did }> = async ({ did }) => {
    const { kv, clock, times, random = Math.random } = this.#deps;
    const row = (await this.#read(did))?.value;
    if (!row?.watched) return;
    const { checkedAt } = row;
    // Looked at lately because a page asked.
    const isKnown = checkedAt !== undefined &&
      isWithin(checkedAt, times.intervalMs / 2, clock.now());
    const isOff = times.intervalMs === 0;
    const after = isKnown || isOff ? row : await this.#look(did);
    const commit = kv.atomic();
    this.#plan(commit, did, pauseAfter(after, times, random()));
    await commit.commit();
  };

  /** Ends looks that are under way. */
  close(): void {
    this.#stopped.abort(new Error("The server stops"));
  }

  #plan(commit: Atomic, did: Did, pauseMs: number): void {
    const { clock } = this.#deps;
    enqueue(commit, clock, HOLD_CHECK, { did }, {
      dedupeKey: did,
      runAt: clock.now() + pauseMs,
    });
  }

  #isCrowded(did: Did): boolean {
    return !this.#looks.has(did) && this.#looks.size >= MAX_WAITING;
  }

  /** Checks a hold, or joins a check in progress; never rejects. */
  #look(did: Did): Promise<HealthRow> {
    const known = this.#looks.get(did);
    if (known) return known;
    const { log } = this.#deps;
    const look = this.#slots.run("", undefined, () => this.#lookNow(did))
      .catch(async (error) => {
        const stops = this.#stopped.signal.aborted;
        if (!stops) log.warn("a hold cannot be looked at", { did, error });
        return stops ? NEW : (await this.#read(did))?.value ?? NEW;
      })
      .finally(() => this.#looks.delete(did));
    this.#looks.set(did, look);
    return look;
  }

  async #lookNow(did: Did): Promise<HealthRow> {
    const { kv, clock, probe, onProbe } = this.#deps;
    const lease = await acquireLease(kv, clock, `hold health ${did}`, {
      ttlMs: LEASE_MS,
    });
    // Another instance is at it.
    if (!lease) return (await this.#read(did))?.value ?? NEW;
    try {
      const signal = AbortSignal.any([lease.signal, this.#stopped.signal]);
      const found = await probe(did, signal);
      await onProbe(did, found);
      const now = clock.now();
      return await this.#change(
        did,
        (before) => before && healthAfter(before, found, now),
      ) ?? NEW;
    } finally {
      await lease.release();
    }
  }

  /** The row, which is made when a page asks for the first time. */
  async #asked(did: Did): Promise<HealthRow> {
    const now = this.#deps.clock.now();
    const isNoted = ({ watched, askedAt }: HealthRow) =>
      watched || askedAt !== undefined && isWithin(askedAt, ASKED_MS, now);
    const row = await this.#change(
      did,
      (before) =>
        before && isNoted(before)
          ? undefined
          : { ...NEW, ...before, askedAt: now },
    );
    return row ?? NEW;
  }

  #read(did: Did): Promise<Entry<HealthRow> | undefined> {
    return this.#deps.kv.get<HealthRow>(holdKeys.health(did));
  }

  /** Replaces the row by what `next` makes of it (undefined: it stays), and returns what is stored. */
  async #change(
    did: Did,
    next: (
      before: HealthRow | undefined,
      commit: Atomic,
    ) => HealthRow | undefined,
  ): Promise<HealthRow | undefined> {
    const { kv, clock } = this.#deps;
    const key = holdKeys.health(did);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#read(did);
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
      const row = next(entry?.value, commit);
      if (row === undefined) return entry?.value;
      const expiresAt = (row.askedAt ?? clock.now()) + UNASKED_MS;
      commit.set(key, row, row.watched ? {} : { expiresAt });
      if (await commit.commit()) return row;
    }
    throw new Error(`The health of ${did} changes too often`);
  }
}
