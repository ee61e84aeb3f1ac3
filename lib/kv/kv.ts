/**
 * The key-value store as the services see it: Deno KV behind a small interface
 * that hides expired entries, retries a locked database and rejects what a
 * remote KV would reject. Key tuples are declared by one `keys.ts` per service.
 *
 * @module
 */

/** One part of a key, ordered as Deno KV orders it. */
export type KeyPart = Deno.KvKeyPart;

/** A key: first the service, then what it holds. At most 2,048 bytes encoded. */
export type Key = readonly KeyPart[];

/** A stored value with the versionstamp that optimistic checks compare. */
export interface Entry<T> {
  readonly key: Key;
  readonly value: T;
  readonly versionstamp: string;
}

/** A row as it stands in the store. */
export interface StoredEntry {
  readonly key: Key;
  readonly value: unknown;
  /** Milliseconds since the Unix epoch; absent when it stays. */
  readonly expiresAt?: number;
}

/** Which keys a listing covers; as in Deno KV. */
export type ListSelector =
  | { prefix: Key }
  | { prefix: Key; start: Key }
  | { prefix: Key; end: Key }
  | { start: Key; end: Key };

/** Options of {@linkcode Kv.list}. */
export interface ListOptions {
  /** Maximum number of entries; no limit by default. */
  limit?: number;
  /** Highest key first. */
  reverse?: boolean;
}

/**
 * A change that is applied completely or not at all. At most 10 checks, 1,000
 * mutations and 800 KiB, including at most 80 KiB for the keys of stored
 * values; keys of at most 2 KiB, values of at most 64 KiB serialised. Beyond
 * these limits a RangeError is thrown, by `commit` at the latest, and nothing
 * is written.
 */
export interface Atomic {
  /** The commit fails unless `key` still has `versionstamp` (null: absent or expired). */
  check(key: Key, versionstamp: string | null): this;
  /** Stores `value`; readers stop seeing it at `expiresAt` (milliseconds since the Unix epoch). */
  set(key: Key, value: unknown, options?: { expiresAt?: number }): this;
  delete(key: Key): this;
  /**
   * Adds `by` (or subtracts, when negative) to a counter that must not fall
   * below zero; read it with {@linkcode Kv.counter}. Counters do not expire.
   */
  sum(key: Key, by: bigint): this;
  /** True when applied; false when a check failed. */
  commit(): Promise<boolean>;
}

/** A key-value store with optimistic transactions. */
export interface Kv {
  /** The entry at `key`, or undefined when absent or expired. */
  get<T>(key: Key): Promise<Entry<T> | undefined>;
  /** The entries at `keys`, in order; any number of keys (read 10 at a time). */
  getMany<T>(keys: readonly Key[]): Promise<(Entry<T> | undefined)[]>;
  /** Value of a counter, 0n when absent. */
  counter(key: Key): Promise<bigint>;
  /** Entries in key order, without expired ones. Read in batches, so not from one snapshot. */
  list<T>(
    selector: ListSelector,
    options?: ListOptions,
  ): AsyncIterableIterator<Entry<T>>;
  /** Stores one value unconditionally. */
  set(
    key: Key,
    value: unknown,
    options?: { expiresAt?: number },
  ): Promise<void>;
  delete(key: Key): Promise<void>;
  atomic(): Atomic;
  /**
   * Everything that has not expired, in key order, with counters (as
   * `Deno.KvU64`) and times of expiry: for copies. From one snapshot with
   * PostgreSQL; elsewhere what is written meanwhile may be in it or not.
   */
  entries(options?: { after?: Key }): AsyncIterableIterator<StoredEntry>;
  /**
   * Removes expired rows where the store does not do that by itself; returns
   * their number. Call it every minute.
   */
  sweepExpired(): Promise<number>;
  close(): void;
}
