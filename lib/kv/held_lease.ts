/**
 * A lease that this process holds: renewed until it is released or lost.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { leaseKey } from "./keys.ts";
import type { Entry, Key, Kv } from "./kv.ts";

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

/** The row of a lease in the store. */
export interface LeaseRow {
  /** One per acquisition, so that an old holder never takes a new row for its own. */
  readonly owner: string;
  /** When it ends, in milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly until?: number;
  readonly ttlMs?: number;
}

/** An acquisition that its rows are written for. */
export interface LeaseClaim {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly names: readonly string[];
  readonly owner: string;
  readonly ttlMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

const RENEW_ATTEMPTS = 3;

/** Keeps the rows of a claim. */
export class HeldLease implements Lease {
  readonly #name: string;
  readonly #keys: readonly Key[];
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #ttlMs: number;
  readonly #ended = new AbortController();
  readonly #renewing: Promise<void>;
  #expiresAt: number;

  constructor(claim: LeaseClaim) {
    this.#kv = claim.kv;
    this.#clock = claim.clock;
    this.#name = claim.names.join(", ");
    this.#keys = claim.names.map(leaseKey);
    this.#owner = claim.owner;
    this.#ttlMs = claim.ttlMs;
    this.#expiresAt = claim.expiresAt;
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
