/**
 * A lease that this process holds: renewed until it is released or lost.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { leaseKey } from "./keys.ts";
import type { Atomic, Entry, Key, Kv } from "./kv.ts";

/** Releases a lease in the commit that is the last work under it. */
export interface LeaseEnding {
  /** Rows that {@linkcode add} needs. */
  readonly keys: readonly Key[];
  /**
   * Adds the release to `commit`, which then fails when the lease changed since
   * `found`, the rows at {@linkcode keys}, were read. Throws AppError
   * `UNAVAILABLE` when the lease is lost.
   */
  add(commit: Atomic, found: readonly (Entry<unknown> | undefined)[]): void;
  /** Call it when that commit was applied. */
  done(): void;
}

/** A lease that is held, renewed in the background until it is released. */
export interface Lease {
  /** Aborted when the lease is lost or released. */
  readonly signal: AbortSignal;
  /** For a commit that releases the lease. */
  readonly ending: LeaseEnding;
  /**
   * Releases the lease, so that the next holder need not wait for its expiry.
   * Never throws: if the store cannot be reached, the lease expires.
   */
  release(): Promise<void>;
}

/** The row of a lease in the store. */
export interface LeaseRow {
  /** Unique per acquisition, so that a former holder never mistakes a new row for its own. */
  readonly owner: string;
  /** When it ends, in milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly until?: number;
  readonly ttlMs?: number;
}

/** An acquisition with the rows to write. */
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

/** Renews the rows of a claim. */
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
  /** Whether the rows are deleted already. */
  #isDone = false;

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

  get ending(): LeaseEnding {
    return {
      keys: this.#keys,
      add: (commit, found) => this.#addRelease(commit, found),
      done: () => {
        this.#isDone = true;
        this.#stop();
      },
    };
  }

  async release(): Promise<void> {
    this.#stop();
    await this.#renewing;
    if (this.#isDone) return;
    try {
      const ours = await this.#ours();
      if (ours.length === 0) return;
      const change = this.#kv.atomic();
      for (const { key, versionstamp } of ours) {
        change.check(key, versionstamp).delete(key);
      }
      await change.commit();
    } catch {
      // The work is done; its result must not depend on this.
    }
  }

  #stop(): void {
    if (this.signal.aborted) return;
    this.#ended.abort(new Error(`The lease ${this.#name} was released`));
  }

  #addRelease(
    commit: Atomic,
    found: readonly (Entry<unknown> | undefined)[],
  ): void {
    for (const entry of found as readonly (Entry<LeaseRow> | undefined)[]) {
      if (entry?.value.owner !== this.#owner) throw this.#lost();
      commit.check(entry.key, entry.versionstamp).delete(entry.key);
    }
  }

  #lost(): AppError {
    return new AppError(
      "UNAVAILABLE",
      "Another server has taken over this work; try again in a moment.",
      {
        retryAfterSeconds: 1,
        operator: `The lease ${this.#name} was lost; the work was stopped.`,
      },
    );
  }

  /**
   * Renews after each third of the time to live; aborts the signal when that
   * fails for too long.
   */
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
        // The lease ends on time even if the store hangs.
        this.#clock.sleep(left, AbortSignal.any([signal, settled.signal]))
          .then(() => signal.aborted),
      ]);
      settled.abort();
      if (!kept && !signal.aborted) this.#ended.abort(this.#lost());
    }
  }

  /** False when the lease was lost; a failing store does not mean that yet. */
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
        // A waiting caller may have shortened it.
      }
      return false;
    } catch {
      return this.#clock.now() < this.#expiresAt;
    }
  }

  /** The rows that still belong to this acquisition. */
  async #ours(): Promise<Entry<LeaseRow>[]> {
    const entries = await this.#kv.getMany<LeaseRow>(this.#keys);
    return entries.flatMap((entry) =>
      entry?.value.owner === this.#owner ? [entry] : []
    );
  }
}
