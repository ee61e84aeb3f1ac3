/**
 * Named leases: at most one holder at a time across all instances that share
 * the store, and a holder that dies loses the lease by itself.
 *
 * Instances compare times, so their clocks must agree to well within the time
 * to live. A holder that stands still for longer than that (a suspended
 * machine) learns late that it lost the lease: what must never happen twice
 * has to be checked in its own commit as well.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { type Clock, isAhead } from "../clock.ts";
import { leaseKey } from "./keys.ts";
import type { Entry, Key, Kv } from "./kv.ts";
import { KV_LIMITS } from "./limits.ts";

/** How a lease is taken. */
export interface LeaseOptions {
  /** The lease ends so long after its holder was last heard of, in milliseconds. */
  readonly ttlMs: number;
  /** How long to wait while somebody else holds it; 0 by default: not at all. */
  readonly waitMs?: number;
  /** Ends the waiting; a lease already held is not affected. */
  readonly signal?: AbortSignal;
}

/** A lease that is held, renewed in the background until it is released. */
export interface Lease {
  /** Aborted when the lease is lost or released. */
  readonly signal: AbortSignal;
  /**
   * Gives the lease up, so that the next one need not wait for its end. Never
   * throws: where the store cannot be reached, the lease ends by itself.
   */
  release(): Promise<void>;
}

interface LeaseRow {
  /** One per acquisition, so that an old holder never takes a new row for its own. */
  readonly owner: string;
  /** When it ends, in milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly until?: number;
  readonly ttlMs?: number;
}

const POLL_MS = 25;
const RENEW_ATTEMPTS = 3;

/** Leases that can be taken together: what one commit may check. */
export const MAX_TOGETHER = KV_LIMITS.checks;

/**
 * Takes the lease `name`, or returns undefined when it stays with somebody
 * else for `waitMs`. Of several names all are taken or none, at most
 * {@linkcode MAX_TOGETHER}. `clock` is the one that `kv` goes by.
 */
export async function acquireLease(
  kv: Kv,
  clock: Clock,
  name: string | readonly string[],
  options: LeaseOptions,
): Promise<Lease | undefined> {
  const { ttlMs, waitMs = 0, signal } = options;
  const names = typeof name === "string" ? [name] : name;
  const owner = crypto.randomUUID();
  const giveUpAt = clock.now() + waitMs;
  // Counted as well, because the clock may be set back meanwhile.
  let waitedMs = 0;
  while (!signal?.aborted) {
    // Before the commit, so that we never think we hold it for longer than others do.
    const expiresAt = clock.now() + ttlMs;
    if (await claim(kv, clock, names.map(leaseKey), owner, ttlMs, expiresAt)) {
      return new HeldLease(kv, clock, names, owner, ttlMs, expiresAt);
    }
    const left = Math.min(giveUpAt - clock.now(), waitMs - waitedMs);
    if (left <= 0) return undefined;
    const pause = Math.min(left, POLL_MS + Math.random() * POLL_MS);
    await clock.sleep(pause, signal);
    waitedMs += pause;
  }
  return undefined;
}

/**
 * Runs `fn` while holding the lease `name`, or all leases of these names, and
 * returns what it returns.
 *
 * The signal given to `fn` is aborted when the lease is lost; `fn` must then
 * stop changing what the lease protects. Throws AppError `UNAVAILABLE` when
 * the lease cannot be had within `waitMs`, or `signal`'s reason.
 */
export async function withLease<T>(
  kv: Kv,
  clock: Clock,
  name: string | readonly string[],
  options: LeaseOptions,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = await acquireLease(kv, clock, name, options);
  if (lease === undefined) {
    options.signal?.throwIfAborted();
    throw new AppError(
      "UNAVAILABLE",
      "Another request is doing the same work at the moment; try again.",
      { retryAfterSeconds: Math.ceil(options.ttlMs / 1000) },
    );
  }
  try {
    return await fn(lease.signal);
  } finally {
    await lease.release();
  }
}

async function claim(
  kv: Kv,
  clock: Clock,
  keys: readonly Key[],
  owner: string,
  ttlMs: number,
  expiresAt: number,
): Promise<boolean> {
  const held = (await kv.getMany<LeaseRow>(keys))
    .filter((entry) => entry !== undefined);
  if (held.length > 0) {
    for (const entry of held) await shorten(kv, clock, entry);
    return false;
  }
  const row: LeaseRow = { owner, until: expiresAt, ttlMs };
  const change = kv.atomic();
  for (const key of keys) change.check(key, null).set(key, row, { expiresAt });
  return await change.commit();
}

/**
 * Ends a lease of a time ahead of now one time to live from now: the clock was
 * set back. Its holder may be alive, and then renews it as ever.
 */
async function shorten(
  kv: Kv,
  clock: Clock,
  { key, versionstamp, value }: Entry<LeaseRow>,
): Promise<void> {
  const { until, ttlMs } = value;
  if (until === undefined || ttlMs === undefined) return;
  const now = clock.now();
  if (!isAhead(until - ttlMs, now)) return;
  const expiresAt = now + ttlMs;
  const row: LeaseRow = { ...value, until: expiresAt };
  await kv.atomic().check(key, versionstamp).set(key, row, { expiresAt })
    .commit();
}

class HeldLease implements Lease {
  readonly #name: string;
  readonly #keys: readonly Key[];
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #ttlMs: number;
  readonly #ended = new AbortController();
  readonly #renewing: Promise<void>;
  #expiresAt: number;

  constructor(
    kv: Kv,
    clock: Clock,
    names: readonly string[],
    owner: string,
    ttlMs: number,
    expiresAt: number,
  ) {
    this.#kv = kv;
    this.#clock = clock;
    this.#name = names.join(", ");
    this.#keys = names.map(leaseKey);
    this.#owner = owner;
    this.#ttlMs = ttlMs;
    this.#expiresAt = expiresAt;
    this.#renewing = this.#keepRenewing();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  async release(): Promise<void> {
    if (!this.signal.aborted) {
      this.#ended.abort(new Error(`The lease ${this.#name} was released`));
    }
    await this.#renewing;
    try {
      const ours = await this.#ours();
      if (ours.length === 0) return;
      const change = this.#kv.atomic();
      for (const { key, versionstamp } of ours) {
        change.check(key, versionstamp).delete(key);
      }
      await change.commit();
    } catch {
      // The work is done, its outcome must not hang on this.
    }
  }

  /** Renews at each third of the time to live, and tells when that fails for too long. */
  async #keepRenewing(): Promise<void> {
    const { signal } = this;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#ttlMs / 3, signal);
      if (signal.aborted) return;
      const now = this.#clock.now();
      // The clock may have been set back.
      this.#expiresAt = Math.min(this.#expiresAt, now + this.#ttlMs);
      const left = this.#expiresAt - now;
      const settled = new AbortController();
      const kept = left > 0 && await Promise.race([
        this.#renew(),
        // The store may hang: the lease ends on time all the same.
        this.#clock.sleep(left, AbortSignal.any([signal, settled.signal]))
          .then(() => signal.aborted),
      ]);
      settled.abort();
      if (!kept && !signal.aborted) {
        this.#ended.abort(
          new AppError(
            "UNAVAILABLE",
            "Another server took this work over; try again in a moment.",
            {
              retryAfterSeconds: 1,
              operator:
                `The lease ${this.#name} was lost; the work was stopped.`,
            },
          ),
        );
      }
    }
  }

  /** False when the lease is no longer ours; a failing store says nothing yet. */
  async #renew(): Promise<boolean> {
    try {
      for (let attempt = 0; attempt < RENEW_ATTEMPTS; attempt++) {
        const ours = await this.#ours();
        if (ours.length < this.#keys.length) return false;
        const until = this.#clock.now() + this.#ttlMs;
        const change = this.#kv.atomic();
        for (const { key, versionstamp, value } of ours) {
          const row: LeaseRow = { ...value, until, ttlMs: this.#ttlMs };
          change.check(key, versionstamp).set(key, row, { expiresAt: until });
        }
        if (await change.commit()) {
          this.#expiresAt = until;
          return true;
        }
        // Somebody who waits may have shortened it.
      }
      return false;
    } catch {
      return this.#clock.now() < this.#expiresAt;
    }
  }

  /** The rows that are still of this acquisition. */
  async #ours(): Promise<Entry<LeaseRow>[]> {
    const entries = await this.#kv.getMany<LeaseRow>(this.#keys);
    return entries.flatMap((entry) =>
      entry?.value.owner === this.#owner ? [entry] : []
    );
  }
}
