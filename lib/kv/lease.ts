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
import type { Clock } from "../clock.ts";
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
}

const POLL_MS = 25;

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
  while (!signal?.aborted) {
    // Before the commit, so that we never think we hold it for longer than others do.
    const expiresAt = clock.now() + ttlMs;
    if (await claim(kv, names.map(leaseKey), owner, expiresAt)) {
      return new HeldLease(kv, clock, names, owner, ttlMs, expiresAt);
    }
    const left = giveUpAt - clock.now();
    if (left <= 0) return undefined;
    const pause = POLL_MS + Math.random() * POLL_MS;
    await clock.sleep(Math.min(left, pause), signal);
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
  keys: readonly Key[],
  owner: string,
  expiresAt: number,
): Promise<boolean> {
  const held = await kv.getMany<LeaseRow>(keys);
  if (held.some((entry) => entry !== undefined)) return false;
  const row: LeaseRow = { owner };
  const change = kv.atomic();
  for (const key of keys) change.check(key, null).set(key, row, { expiresAt });
  return await change.commit();
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
      const left = this.#expiresAt - this.#clock.now();
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
      const ours = await this.#ours();
      if (ours.length < this.#keys.length) return false;
      const expiresAt = this.#clock.now() + this.#ttlMs;
      const change = this.#kv.atomic();
      for (const { key, versionstamp, value } of ours) {
        change.check(key, versionstamp).set(key, value, { expiresAt });
      }
      const renewed = await change.commit();
      if (renewed) this.#expiresAt = expiresAt;
      return renewed;
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
