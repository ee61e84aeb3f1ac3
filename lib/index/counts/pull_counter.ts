/**
 * Counts pulls in memory and writes them in batches, so that no pull waits for
 * the store.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { dayOf } from "../order.ts";
import { countKeys } from "./kv_keys.ts";
import { type ManifestRequest, PullSessions } from "./pull_sessions.ts";

export interface PullCounterDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Requests of the same kind that wait to be written. */
interface Waiting {
  readonly did: Did;
  readonly repo: string;
  readonly tag: string | undefined;
  readonly day: number;
  readonly reportedTo: Did | undefined;
  pulls: number;
  reported: number;
}

/** What is added to one counter. */
interface Sum {
  readonly key: Key;
  by: number;
}

/** Sums that go into one commit. */
interface Batch {
  /** Under which it is remembered that the batch was applied. */
  readonly id: string;
  readonly sums: readonly Sum[];
}

/** Sums of one commit: with the longest keys they just fit. */
const BATCH = 120;
/** Kinds of requests that wait for a flush; more make it come early. */
const MANY = 10_000;
/** Beyond this many nothing is counted: the store does not answer. */
const MOST = 100_000;
/** Pulls wait no longer than this while requests come, in milliseconds. */
const LATE_MS = 60_000;
/** How long it is remembered that a batch was applied, in milliseconds. */
const FLUSHED_MS = 86_400_000;

/** Counts pulls of this instance. */
export class PullCounter {
  readonly #deps: PullCounterDeps;
  readonly #sessions: PullSessions;
  #waiting = new Map<string, Waiting>();
  /** Cut from `#waiting` and not known to be applied. */
  #batches: Batch[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushedAt: number;
  #dropped = 0;

  constructor(deps: PullCounterDeps) {
    this.#deps = deps;
    this.#sessions = new PullSessions(deps.clock);
    this.#flushedAt = deps.clock.now();
  }

  /** A client looked a tag up (HEAD). */
  looked(request: ManifestRequest): void {
    this.#sessions.looked(request);
  }

  /** A client received a manifest (GET). `reportedTo` is the hold that counts it as well. */
  pulled(request: ManifestRequest, reportedTo: Did | undefined): void {
    const now = this.#deps.clock.now();
    const pull = this.#sessions.pull(request);
    if (pull || reportedTo !== undefined) {
      const waiting = this.#waitingOf(request, pull?.tag, reportedTo, now);
      if (pull && waiting) waiting.pulls++;
      if (reportedTo !== undefined && waiting) waiting.reported++;
      if (!waiting) this.#dropped++;
    }
    // Where an instance sleeps between requests its timers do not come.
    const isLate = now - this.#flushedAt > LATE_MS;
    if (isLate || this.#waiting.size >= MANY) this.#flushSoon();
  }

  /**
   * Writes what was counted. What fails is kept for the next time, and never
   * counted twice: each batch leaves a mark in its own commit. Throws the
   * store's errors.
   */
  flush(): Promise<void> {
    const turn = this.#flushing.then(() => this.#flush());
    this.#flushing = turn.catch(() => undefined); // Its own caller hears of an error.
    return turn;
  }

  #waitingOf(
    { did, repo }: ManifestRequest,
    tag: string | undefined,
    reportedTo: Did | undefined,
    now: number,
  ): Waiting | undefined {
    const day = dayOf(now);
    const name = `${day} ${did} ${repo} ${tag ?? ""} ${reportedTo ?? ""}`;
    const known = this.#waiting.get(name);
    if (known || this.#waiting.size >= MOST) return known;
    const waiting = {
      ...{ did, repo, tag, day, reportedTo },
      ...{ pulls: 0, reported: 0 },
    };
    this.#waiting.set(name, waiting);
    return waiting;
  }

  #flushSoon(): void {
    this.#flushedAt = this.#deps.clock.now();
    this.flush().catch((error) =>
      this.#deps.log.warn("pulls not counted yet", { error })
    );
  }

  async #flush(): Promise<void> {
    const { clock, log } = this.#deps;
    this.#flushedAt = clock.now();
    if (this.#dropped > 0) {
      log.warn("pulls were not counted", { count: this.#dropped });
      this.#dropped = 0;
    }
    await this.#apply();
    const sums = sumsOf(this.#waiting.values());
    this.#waiting = new Map();
    for (let i = 0; i < sums.length; i += BATCH) {
      const id = crypto.randomUUID();
      this.#batches.push({ id, sums: sums.slice(i, i + BATCH) });
    }
    await this.#apply();
  }

  async #apply(): Promise<void> {
    const { kv, clock } = this.#deps;
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const mark = countKeys.flushed(batch.id);
      const commit = kv.atomic().check(mark, null)
        .set(mark, 1, { expiresAt: clock.now() + FLUSHED_MS });
      for (const { key, by } of batch.sums) commit.sum(key, BigInt(by));
      // False: an earlier try went through although it seemed to fail.
      await commit.commit();
      this.#batches.shift();
    }
  }
}

/** The counters that `waiting` is added to, each once. */
function sumsOf(waiting: Iterable<Waiting>): Sum[] {
  const sums = new Map<string, Sum>();
  const add = (key: Key, by: number) => {
    if (by === 0) return;
    const name = key.join("\0");
    const sum = sums.get(name);
    if (sum) sum.by += by;
    else sums.set(name, { key, by });
  };
  for (const { did, repo, tag, day, reportedTo, ...counts } of waiting) {
    add(countKeys.pullsOn(day, did, repo), counts.pulls);
    add(countKeys.pulls(did, repo), counts.pulls);
    if (tag !== undefined) {
      add(countKeys.pullsOfTag(did, repo, day, tag), counts.pulls);
    }
    if (reportedTo !== undefined) {
      add(countKeys.reported(did, repo, reportedTo), counts.reported);
    }
  }
  return [...sums.values()];
}
