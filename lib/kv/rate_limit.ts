/**
 * Rate limits that hold across all instances sharing the store.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
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

/** When everything used so far will have been paid back (milliseconds since the Unix epoch). */
interface RateRow {
  readonly paidBackAt: number;
}

const ATTEMPTS = 10;
const REMEMBERED_REFUSALS = 10_000;

/**
 * Counts by the leaky-bucket rule (GCRA): what is used flows back evenly, so
 * no window's edge lets a double burst through, and one small row per subject
 * is enough, which expires by itself.
 */
export class RateLimiter {
  readonly #kv: Kv;
  readonly #clock: Clock;
  /** Refusals that still hold, so that a flood does not reach the store. */
  readonly #refused = new LRUCache<string, number>({
    max: REMEMBERED_REFUSALS,
  });
  /** The last call in line for each subject, so that calls do not collide here. */
  readonly #lines = new Map<string, Promise<unknown>>();

  /** @param clock the one that `kv` goes by. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Uses `cost` (1 by default) of what `counted`, an address or a DID, has
   * left of `rule`; nothing is used when refused. IPv6 addresses of one /64
   * network count as one: whoever has one of them has them all. With `cost` 0 it only tells
   * whether one more would be allowed, for limits that count failures.
   */
  async take(
    rule: RateLimit,
    counted: string,
    cost = 1,
  ): Promise<RateDecision> {
    const subject = isIPv6(counted) ? networkOf(counted) : counted;
    const id = `${rule.name} ${subject}`;
    const until = this.#refused.get(id);
    if (until !== undefined && until > this.#clock.now()) {
      return refuse(until - this.#clock.now());
    }
    const before = this.#lines.get(id);
    const turn = (async () => {
      await before?.catch(() => {});
      return await this.#decide(rule, subject, cost, id);
    })();
    this.#lines.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#lines.get(id) === turn) this.#lines.delete(id);
    }
  }

  async #decide(
    rule: RateLimit,
    subject: string,
    cost: number,
    id: string,
  ): Promise<RateDecision> {
    const key = rateKey(rule.name, subject);
    const windowMs = rule.windowSeconds * 1000;
    const oneMs = windowMs / rule.limit;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = this.#clock.now();
      const entry = await this.#kv.get<RateRow>(key);
      const used = Math.max(0, (entry?.value.paidBackAt ?? now) - now);
      const tooMuch = used + Math.max(1, cost) * oneMs - windowMs;
      if (tooMuch > 0) {
        // A refusal of more than one says nothing about a single one.
        if (cost <= 1) this.#refused.set(id, now + tooMuch);
        return refuse(tooMuch);
      }
      if (cost === 0) return { allowed: true, retryAfterSeconds: 0 };
      const paidBackAt = now + used + cost * oneMs;
      const row: RateRow = { paidBackAt };
      const done = await this.#kv.atomic()
        .check(key, entry?.versionstamp ?? null)
        .set(key, row, { expiresAt: paidBackAt })
        .commit();
      if (done) return { allowed: true, retryAfterSeconds: 0 };
    }
    // Only a flood over many instances collides so often.
    return refuse(1000);
  }
}

function refuse(waitMs: number): RateDecision {
  return { allowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) };
}

/** The /64 network of an IPv6 address; an IPv4 address that is written as one is itself. */
function networkOf(address: string): string {
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ""));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
  return `${[a, b, c, d].map((part) => part.toString(16)).join(":")}::/64`;
}
