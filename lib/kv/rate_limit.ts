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

/** A rate limit. */
export interface RateLimit {
  /** Names the limit; part of the key, so it must not depend on input. */
  readonly name: string;
  /** Burst size, and average number per window. */
  readonly limit: number;
  readonly windowSeconds: number;
}

/** The result of taking from a limit. */
export interface RateDecision {
  readonly allowed: boolean;
  /** 0 when allowed, else whole seconds until a retry can succeed. */
  readonly retryAfterSeconds: number;
}

/** Usage of a limit by one subject. Times in milliseconds since the Unix epoch. */
interface RateRow {
  /** When everything used so far will be available again. */
  readonly paidBackAt: number;
  /** When the row was written; absent in rows of earlier versions. */
  readonly at?: number;
}

/** A refusal cached by this process. */
interface Refusal {
  readonly at: number;
  readonly until: number;
}

const ATTEMPTS = 10;
const REMEMBERED_REFUSALS = 10_000;

/**
 * How long a refusal is cached before the store is read again, where another
 * instance may have returned something.
 */
const REFUSED_MS = 2_000;

/**
 * Rate limiter with the leaky-bucket algorithm (GCRA): usage decays evenly, so
 * that no window boundary lets a double burst through, and each subject needs
 * only one small row, which expires by itself.
 *
 * A limit on password guesses takes before the check and gives back if it
 * succeeds: otherwise parallel guesses would all see the same count.
 */
export class RateLimiter {
  readonly #kv: Kv;
  readonly #clock: Clock;
  /** Cached refusals, so that a flood does not reach the store. */
  readonly #refused = new LRUCache<string, Refusal>({
    max: REMEMBERED_REFUSALS,
  });
  /** Serialises calls for one subject, so that they do not conflict within the process. */
  readonly #turns = new Semaphore(1);

  /** @param clock must be the clock of `kv`. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Takes `cost` (1 by default) from the limit `rule` for `counted`, an address
   * or a DID; takes nothing when refused. IPv6 addresses of one /64 network
   * count as one, because a client usually controls the whole network.
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
        // Refuses all queued calls of one subject together.
        async () => this.#recall(id) ?? await this.#change(rule, subject, cost),
      );
  }

  /**
   * Gives back `cost` (1 by default) taken by {@linkcode take}. Never throws:
   * what cannot be given back becomes available with time.
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
      // The request succeeded and must not fail because of bookkeeping.
    }
  }

  /** Returns a cached refusal. */
  #recall(id: string): RateDecision | undefined {
    const known = this.#refused.get(id);
    const now = this.#clock.now();
    if (!known || now < known.at || now >= known.at + REFUSED_MS) return;
    return now < known.until ? refuse(known.until - now) : undefined;
  }

  /** Adds `cost` to the usage, unless that exceeds the limit. */
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
    // Only a flood over many instances conflicts this often.
    return refuse(1000);
  }

  #refuse(
    rule: RateLimit,
    subject: string,
    cost: number,
    waitMs: number,
  ): RateDecision {
    const at = this.#clock.now();
    // A refusal of a larger cost does not imply one for a cost of 1.
    if (cost <= 1) {
      this.#refused.set(`${rule.name} ${subject}`, { at, until: at + waitMs });
    }
    return refuse(waitMs);
  }
}

/**
 * Returns the usage at `now`, as milliseconds until it is available again, and
 * whether the row lies in the future because the clock was set back. Such a row
 * keeps its usage, which decays from now on.
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
