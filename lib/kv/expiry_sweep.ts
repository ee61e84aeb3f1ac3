/**
 * Removes expired rows from a store in a file. Deno's own expiry is not used
 * there: when the disk is full it ends the process.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { expiredBefore } from "./expiry.ts";
import type { Atomic, Key } from "./kv.ts";
import type { RetryPolicy } from "./retry.ts";

export interface ExpirySweepDeps {
  readonly kv: Pick<Deno.Kv, "list">;
  readonly policy: RetryPolicy;
  readonly atomic: () => Atomic;
  readonly clock: Clock;
}

/** Rows read before what has expired among them is removed. */
const BATCH = 500;

/** Rows read by one run, at least. */
const MIN_ROWS = 2_000;

/** Runs in which all rows are read once: an hour of one run a minute. */
const RUNS = 60;

/** A run continues while at least one in so many rows had expired. */
const RATIO = 10;

/** Rows that one run reads at most. */
const MAX_ROWS = 100_000;

/** Reads some rows of the store in each run and continues from there in the next. */
export class ExpirySweep {
  readonly #deps: ExpirySweepDeps;
  #after: Key | undefined;
  /** Rows read since the first key. */
  #passed = 0;
  /** Rows of the store when they were last counted. */
  #total = 0;

  constructor(deps: ExpirySweepDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the next rows, a sixtieth of the store and more where many have
   * expired, and removes the expired ones; returns their number.
   */
  async run(): Promise<number> {
    const share = Math.max(MIN_ROWS, Math.ceil(this.#total / RUNS));
    let removed = 0;
    for (let read = 0; read < MAX_ROWS;) {
      const { rows, expired } = await this.#next();
      read += rows;
      removed += expired;
      if (rows < BATCH) {
        this.#total = this.#passed;
        this.#passed = 0;
        break;
      }
      if (read >= share && expired * RATIO < rows) break;
    }
    return removed;
  }

  async #next(): Promise<{ rows: number; expired: number }> {
    const { kv, policy, atomic, clock } = this.#deps;
    // The last row is read again: a key that follows it could be too long.
    const selector = this.#after === undefined
      ? { prefix: [] }
      : { prefix: [], start: this.#after };
    const options = { limit: BATCH, batchSize: 100 };
    const iterator = kv.list(selector, options);
    const now = clock.now();
    const found: { key: Key; versionstamp: string }[] = [];
    let rows = 0;
    while (true) {
      const next = await policy(() => iterator.next());
      if (next.done) break;
      const { key, versionstamp } = next.value;
      rows++;
      this.#after = key;
      if (expiredBefore(next.value, now)) found.push({ key, versionstamp });
    }
    this.#passed += rows;
    if (rows < BATCH) this.#after = undefined;
    // Begun together and only now: a failure while rows are still read would
    // be a rejection that nothing handles, which ends the process.
    const results = await Promise.allSettled(
      found.map(({ key, versionstamp }) =>
        atomic().check(key, versionstamp).delete(key).commit()
      ),
    );
    const failed = results.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    const expired =
      results.filter((result) => result.status === "fulfilled" && result.value)
        .length;
    return { rows, expired };
  }
}
