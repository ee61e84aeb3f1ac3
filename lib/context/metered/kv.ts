/**
 * A key-value store that measures its calls.
 *
 * @module
 */

import type {
  Atomic,
  Entry,
  Key,
  Kv,
  ListOptions,
  ListSelector,
  StoredEntry,
} from "../../kv/kv.ts";
import type { SystemMetrics } from "../../metrics/system_metrics.ts";

/** Passes every call on and measures it. A listing counts when its first entry is there. */
export class MeteredKv implements Kv {
  readonly #kv: Kv;
  readonly #metrics: SystemMetrics;

  constructor(kv: Kv, metrics: SystemMetrics) {
    this.#kv = kv;
    this.#metrics = metrics;
  }

  get<T>(key: Key): Promise<Entry<T> | undefined> {
    return this.#measure("get", () => this.#kv.get<T>(key));
  }

  getMany<T>(keys: readonly Key[]): Promise<(Entry<T> | undefined)[]> {
    return this.#measure("get_many", () => this.#kv.getMany<T>(keys));
  }

  counter(key: Key): Promise<bigint> {
    return this.#measure("counter", () => this.#kv.counter(key));
  }

  async *list<T>(
    selector: ListSelector,
    options?: ListOptions,
  ): AsyncIterableIterator<Entry<T>> {
    const entries = this.#kv.list<T>(selector, options);
    const first = await this.#measure("list", () => entries.next());
    if (first.done) return;
    yield first.value;
    yield* entries;
  }

  set(
    key: Key,
    value: unknown,
    options?: { expiresAt?: number },
  ): Promise<void> {
    return this.#measure("set", () => this.#kv.set(key, value, options));
  }

  delete(key: Key): Promise<void> {
    return this.#measure("delete", () => this.#kv.delete(key));
  }

  atomic(): Atomic {
    return new MeteredAtomic(this.#kv.atomic(), this.#metrics);
  }

  entries(options?: { after?: Key }): AsyncIterableIterator<StoredEntry> {
    return this.#kv.entries(options);
  }

  sweepExpired(): Promise<number> {
    return this.#kv.sweepExpired();
  }

  close(): void {
    this.#kv.close();
  }

  #measure<T>(operation: string, work: () => Promise<T>): Promise<T> {
    return this.#metrics.kv.measure("kv", operation, work);
  }
}

class MeteredAtomic implements Atomic {
  readonly #atomic: Atomic;
  readonly #metrics: SystemMetrics;

  constructor(atomic: Atomic, metrics: SystemMetrics) {
    this.#atomic = atomic;
    this.#metrics = metrics;
  }

  check(key: Key, versionstamp: string | null): this {
    this.#atomic.check(key, versionstamp);
    return this;
  }

  set(key: Key, value: unknown, options?: { expiresAt?: number }): this {
    this.#atomic.set(key, value, options);
    return this;
  }

  delete(key: Key): this {
    this.#atomic.delete(key);
    return this;
  }

  sum(key: Key, by: bigint): this {
    this.#atomic.sum(key, by);
    return this;
  }

  async commit(): Promise<boolean> {
    const applied = await this.#metrics.kv.measure(
      "kv",
      "commit",
      () => this.#atomic.commit(),
    );
    if (!applied) this.#metrics.kvConflict();
    return applied;
  }
}
