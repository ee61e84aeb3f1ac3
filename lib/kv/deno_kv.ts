/**
 * {@linkcode Kv} on Deno KV.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type {
  Atomic,
  Entry,
  Key,
  Kv,
  ListOptions,
  ListSelector,
  StoredEntry,
} from "./kv.ts";
import { DenoAtomic, readMany } from "./deno_atomic.ts";
import { storedEntry, visible } from "./expiry.ts";
import { ExpirySweep } from "./expiry_sweep.ts";
import { GroupCommit } from "./group_commit.ts";
import { type RetryPolicy, retryPolicyFor } from "./retry.ts";

/** Batch size of a listing; bounds its memory to about 13 MB. */
const LIST_BATCH = 200;

/** Implements {@linkcode Kv} on an open Deno KV. */
export class DenoKv implements Kv {
  readonly #kv: Deno.Kv;
  readonly #commits: GroupCommit;
  readonly #clock: Clock;
  readonly #try: RetryPolicy;
  readonly #isLocal: boolean;
  readonly #expired: ExpirySweep;
  #closed = false;

  /** @param isLocal whether the store is a file or memory of this machine. */
  constructor(kv: Deno.Kv, clock: Clock = systemClock, isLocal = true) {
    this.#kv = kv;
    this.#try = retryPolicyFor(isLocal);
    this.#commits = new GroupCommit(kv, isLocal, this.#try);
    this.#clock = clock;
    this.#isLocal = isLocal;
    this.#expired = new ExpirySweep({
      kv,
      policy: this.#try,
      atomic: () => this.atomic(),
      clock,
    });
  }

  async get<T>(key: Key): Promise<Entry<T> | undefined> {
    const entry = await this.#try(() => this.#kv.get<T>(key));
    return visible(entry, this.#clock.now());
  }

  async getMany<T>(keys: readonly Key[]): Promise<(Entry<T> | undefined)[]> {
    const entries = await readMany<T>(this.#kv, this.#try, keys);
    const now = this.#clock.now();
    return entries.map((entry) => visible(entry, now));
  }

  async counter(key: Key): Promise<bigint> {
    const { value } = await this.#try(() => this.#kv.get(key));
    return value instanceof Deno.KvU64 ? value.value : 0n;
  }

  async *list<T>(
    selector: ListSelector,
    options: ListOptions = {},
  ): AsyncIterableIterator<Entry<T>> {
    const { limit = Infinity, reverse = false } = options;
    if (limit <= 0) return;
    const batchSize = Math.min(limit, LIST_BATCH);
    const iterator = this.#kv.list<T>(selector, { batchSize, reverse });
    // Count the limit here, because expired entries do not count.
    for (let count = 0; count < limit;) {
      const next = await this.#try(() => iterator.next());
      if (next.done) return;
      const entry = visible<T>(next.value, this.#clock.now());
      if (entry === undefined) continue;
      count++;
      yield entry;
    }
  }

  async set(
    key: Key,
    value: unknown,
    options: { expiresAt?: number } = {},
  ): Promise<void> {
    await this.atomic().set(key, value, options).commit();
  }

  async delete(key: Key): Promise<void> {
    await this.atomic().delete(key).commit();
  }

  atomic(): Atomic {
    return new DenoAtomic(
      this.#kv,
      this.#try,
      this.#commits,
      this.#clock,
      this.#isLocal,
    );
  }

  async *entries(
    { after }: { after?: Key } = {},
  ): AsyncIterableIterator<StoredEntry> {
    // An empty byte array is the lowest part, so this is the next key.
    const selector = after === undefined
      ? { prefix: [] }
      : { prefix: [], start: [...after, new Uint8Array()] };
    const iterator = this.#kv.list(selector, { batchSize: LIST_BATCH });
    while (true) {
      const next = await this.#try(() => iterator.next());
      if (next.done) return;
      const entry = storedEntry(next.value, this.#clock.now());
      if (entry !== undefined) yield entry;
    }
  }

  async sweepExpired(): Promise<number> {
    return this.#isLocal ? await this.#expired.run() : 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kv.close();
  }
}
