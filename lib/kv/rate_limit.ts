/**
 * Rate limits that hold across all instances sharing the store.
 *
 * @module
 */

import { subjectOf } from "../net/client_subject.ts";
import { LRUCache } from "lru-cache";
import { Semaphore } from "../async/semaphore.ts";
import { type Clock, isAhead } from "../clock.ts";
import { rateKey } from "./keys.ts";
import type { Kv } from "./kv.ts";

/** How much is allowed. */
export interface RateLimit {
  /** Names the limit; part of the key, so it must not depend on input. */
  readonly name: string;
  /** So many at once, and so many in each window on average. */
  readonly limit: number;
  readonly windowSeconds: number;
}

/** Whether something may go on. */
export interface RateDecision {
  readonly allowed: boolean;
  /** 0 when allowed, else whole seconds until it is worth trying again. */
  readonly retryAfterSeconds: number;
}

/** What a subject has used of a limit. Times in milliseconds since the Unix epoch. */
interface RateRow {
  /** When everything used so far will have been paid back. */
  readonly paidBackAt: number;
  /** When the row was written; absent in rows of earlier versions. */
  readonly at?: number;
}

/** A refusal as this process remembers it. */
interface Refusal {
  readonly at: number;
  readonly until: number;
}

const ATTEMPTS = 10;
const REMEMBERED_REFUSALS = 10_000;

/** A refusal is believed for so long without a look at the store, where another instance may have given something back. */
const REFUSED_MS = 2_000;

/**
 * Counts by the leaky-bucket rule (GCRA): what is used flows back evenly, so
 * no window's edge lets a double burst through, and one small row per subject
 * is enough, which expires by itself.
 *
 * A limit on guesses takes before the guess and gives back when it was right:
 * guesses that run in parallel would all see the same count otherwise.
 */
export class RateLimiter {
  readonly #kv: Kv;
  readonly #clock: Clock;
  /** Refusals that still hold, so that a flood does not reach the store. */
  readonly #refused = new LRUCache<string, Refusal>({
    max: REMEMBERED_REFUSALS,
  });
  /** Calls for one subject run one after another, so that they do not collide here. */
  readonly #turns = new Semaphore(1);

  /** @param clock the one that `kv` goes by. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Uses `cost` (1 by default) of what `counted`, an address or a DID, has
   * left of `rule`; nothing is used when refused. IPv6 addresses of one /64
   * network count as one: whoever has one of them has them all.
   */
  async take(
    rule: RateLimit,
    counted: string,
    cost = 1,
  ): Promise<RateDecision> {
    const subject = subjectOf(counted);
    const id = `${rule.name} ${subject}`;
    return this.#recall(id) ??
      await this.#turns.run(
        id,
        undefined,
        // Those in line for one subject are refused together.
        async () => this.#recall(id) ?? await this.#change(rule, subject, cost),
      );
  }

  /**
   * Gives back `cost` (1 by default) that {@linkcode take} has used. Never
   * throws: what cannot be given back is paid back with time.
   */
  async giveBack(rule: RateLimit, counted: string, cost = 1): Promise<void> {
    const subject = subjectOf(counted);
    const id = `${rule.name} ${subject}`;
    try {
      await this.#turns.run(
        id,
        undefined,
        () => this.#change(rule, subject, -cost),
      );
      this.#refused.delete(id);
    } catch {
      // What was asked for went well, and must not fail by its bookkeeping.
    }
  }

  /** A refusal that is known here without a look at the store. */
  #recall(id: string): RateDecision | undefined {
    const known = this.#refused.get(id);
    const now = this.#clock.now();
    if (!known || now < known.at || now >= known.at + REFUSED_MS) return;
    return now < known.until ? refuse(known.until - now) : undefined;
  }

  /** Adds `cost` to what is used, unless that is too much. */
  async #change(
    rule: RateLimit,
    subject: string,
    cost: number,
  ): Promise<RateDecision> {
    const key = rateKey(rule.name, subject);
    const windowMs = rule.windowSeconds * 1000;
    const oneMs = windowMs / rule.limit;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = this.#clock.now();
      const entry = await this.#kv.get<RateRow>(key);
      const { used, ahead } = usedOf(entry?.value, now, windowMs);
      const tooMuch = used + cost * oneMs - windowMs;
      const allowed = cost <= 0 || tooMuch <= 0;
      if (!allowed && !ahead) return this.#refuse(rule, subject, cost, tooMuch);
      const next = Math.max(0, used + (allowed ? cost * oneMs : 0));
      const row: RateRow = { paidBackAt: now + next, at: now };
      const change = this.#kv.atomic().check(key, entry?.versionstamp ?? null);
      if (next > 0) change.set(key, row, { expiresAt: row.paidBackAt });
      else change.delete(key);
      if (!await change.commit()) continue;
      return allowed
        ? { allowed, retryAfterSeconds: 0 }
        : this.#refuse(rule, subject, cost, tooMuch);
    }
    // Only a flood over many instances collides so often.
    return refuse(1000);
  }

  #refuse(
    rule: RateLimit,
    subject: string,
    cost: number,
    waitMs: number,
  ): RateDecision {
    const at = this.#clock.now();
    // A refusal of more than one says nothing about a single one.
    if (cost <= 1) {
      this.#refused.set(`${rule.name} ${subject}`, { at, until: at + waitMs });
    }
    return refuse(waitMs);
  }
}

/**
 * What is used at `now`, in milliseconds until it is paid back, and whether
 * the row comes from a time ahead: the clock was set back since. Such a row
 * keeps what it had, which is paid back from now on.
 */
function usedOf(
  row: RateRow | undefined,
  now: number,
  windowMs: number,
): { used: number; ahead: boolean } {
  if (row === undefined) return { used: 0, ahead: false };
  const { paidBackAt, at } = row;
  const ahead = isAhead(at ?? paidBackAt - windowMs, now);
  const left = ahead && at !== undefined ? paidBackAt - at : paidBackAt - now;
  return { used: Math.min(windowMs, Math.max(0, left)), ahead };
}

function refuse(waitMs: number): RateDecision {
  return { allowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) };
}
