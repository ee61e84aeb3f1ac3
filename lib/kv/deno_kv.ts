/**
 * The key-value store on Deno KV: a file, memory, the platform's or a remote
 * one.
 *
 * @module
 */

import { dirname } from "node:path";
import { AppError } from "../errors.ts";
import { type Clock, systemClock } from "../clock.ts";
import type {
  Atomic,
  Entry,
  Key,
  Kv,
  ListOptions,
  ListSelector,
} from "./kv.ts";
import { assertStorable, keySize, KV_LIMITS } from "./limits.ts";
import { snapshot } from "./snapshot.ts";
import { whileUnlocked } from "./retry.ts";

/** Entries fetched at once by a listing; bounds its memory to about 13 MB. */
const LIST_BATCH = 200;

/**
 * The store's own expiry only sweeps; it may not act before readers have
 * stopped seeing the entry, even when clocks differ.
 */
const SWEEP_DELAY_MS = 60_000;
const LONGEST_SWEEP_MS = 10 * 365 * 86_400_000;

const EXPIRES = "~expiresAt";
const VALUE = "~value";

/** How a value that expires is stored; other values are stored as they are. */
interface Envelope {
  readonly [EXPIRES]: number;
  readonly [VALUE]: unknown;
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && EXPIRES in value;
}

/**
 * Opens a store.
 *
 * `location` is a path (its folder is made when missing), `:memory:`, the
 * `https://` address of a remote KV, or undefined for the platform's own.
 * `clock` decides what has expired; whoever stores `expiresAt` must go by the
 * same clock. Throws AppError `UNAVAILABLE` when the store cannot be opened.
 */
export async function openKv(
  location: string | undefined,
  clock: Clock = systemClock,
): Promise<Kv> {
  try {
    if (location && !/^(:memory:$|https?:)/.test(location)) {
      await Deno.mkdir(dirname(location), { recursive: true, mode: 0o700 });
    }
    return new DenoKv(
      await whileUnlocked(() => Deno.openKv(location)),
      clock,
    );
  } catch (error) {
    throw new AppError(
      "UNAVAILABLE",
      `The key-value store ${location ?? "of the platform"} cannot be ` +
        "opened; look at the setting kv.url and at the rights of its folder",
      { cause: error },
    );
  }
}

/** {@linkcode Kv} over one open Deno KV. */
export class DenoKv implements Kv {
  readonly #kv: Deno.Kv;
  readonly #clock: Clock;
  #closed = false;

  constructor(kv: Deno.Kv, clock: Clock = systemClock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  async get<T>(key: Key): Promise<Entry<T> | undefined> {
    return this.#live(await whileUnlocked(() => this.#kv.get<T>(key)));
  }

  async getMany<T>(keys: readonly Key[]): Promise<(Entry<T> | undefined)[]> {
    const entries = await readMany<T>(this.#kv, keys);
    return entries.map((entry) => this.#live(entry));
  }

  async counter(key: Key): Promise<bigint> {
    const { value } = await whileUnlocked(() => this.#kv.get(key));
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
    // The limit is counted here, because expired entries do not count.
    for (let count = 0; count < limit;) {
      const next = await whileUnlocked(() => iterator.next());
      if (next.done) return;
      const entry = this.#live<T>(next.value);
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
    const { stored, bytes, native } = prepare(
      value,
      options.expiresAt,
      this.#clock,
    );
    assertStorable(key, keySize(key), bytes);
    await whileUnlocked(() => this.#kv.set(key, stored, native));
  }

  async delete(key: Key): Promise<void> {
    await whileUnlocked(() => this.#kv.delete(key));
  }

  atomic(): Atomic {
    return new DenoAtomic(this.#kv, this.#clock);
  }

  async *watch(
    keys: readonly Key[],
    signal: AbortSignal,
  ): AsyncIterable<void> {
    if (keys.length > KV_LIMITS.watchKeys) {
      throw new RangeError(
        `${keys.length} keys cannot be watched at once, ` +
          `at most ${KV_LIMITS.watchKeys}`,
      );
    }
    if (signal.aborted) return;
    const reader = this.#kv.watch([...keys]).getReader();
    const stop = () => reader.cancel();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!(await reader.read()).done) yield;
    } finally {
      signal.removeEventListener("abort", stop);
      await reader.cancel();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kv.close();
  }

  #live<T>(entry: Deno.KvEntryMaybe<T>): Entry<T> | undefined {
    if (entry.versionstamp === null) return undefined;
    const value: unknown = entry.value;
    if (!isEnvelope(value)) return entry;
    if (value[EXPIRES] <= this.#clock.now()) return undefined;
    return {
      key: entry.key,
      value: value[VALUE] as T,
      versionstamp: entry.versionstamp,
    };
  }
}

interface Check {
  readonly key: Key;
  readonly versionstamp: string | null;
}

/** {@linkcode Atomic} over Deno KV. */
class DenoAtomic implements Atomic {
  readonly #kv: Deno.Kv;
  readonly #clock: Clock;
  readonly #checks: Check[] = [];
  readonly #mutations: ((native: Deno.AtomicOperation) => void)[] = [];
  #bytes = 0;
  #keyBytes = 0;

  constructor(kv: Deno.Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  check(key: Key, versionstamp: string | null): this {
    this.#checks.push({ key, versionstamp });
    this.#countKey(key);
    return this;
  }

  set(
    key: Key,
    value: unknown,
    options: { expiresAt?: number } = {},
  ): this {
    const { stored, bytes, native } = prepare(
      value,
      options.expiresAt,
      this.#clock,
    );
    this.#countValue(key, bytes);
    this.#mutations.push((atomic) => atomic.set(key, stored, native));
    return this;
  }

  delete(key: Key): this {
    this.#countKey(key);
    this.#mutations.push((atomic) => atomic.delete(key));
    return this;
  }

  sum(key: Key, by: bigint): this {
    this.#countValue(key, 8);
    const wrapped = BigInt.asUintN(64, by);
    this.#mutations.push((atomic) => atomic.sum(key, wrapped));
    return this;
  }

  async commit(): Promise<boolean> {
    this.#assertFits();
    let checks = this.#checks;
    // Expired rows can be replaced meanwhile, so once is not always enough.
    for (let attempt = 0; attempt < 3; attempt++) {
      const native = this.#kv.atomic().check(...checks);
      for (const mutate of this.#mutations) mutate(native);
      if ((await whileUnlocked(() => native.commit())).ok) return true;
      const forgiving = await this.#forgiveExpired();
      if (forgiving === undefined) return false;
      checks = forgiving;
    }
    return false;
  }

  #countKey(key: Key): void {
    const bytes = keySize(key);
    assertStorable(key, bytes, 0);
    this.#bytes += bytes;
  }

  #countValue(key: Key, valueBytes: number): void {
    const keyBytes = keySize(key);
    assertStorable(key, keyBytes, valueBytes);
    this.#keyBytes += keyBytes;
    this.#bytes += 2 * keyBytes + valueBytes;
  }

  #assertFits(): void {
    const { checks, mutations, commitBytes, commitKeyBytes } = KV_LIMITS;
    const refuse = (what: string, count: number, most: number) => {
      if (count <= most) return;
      throw new RangeError(
        `One commit may have at most ${most} ${what}, this one has ${count}`,
      );
    };
    refuse("checks", this.#checks.length, checks);
    refuse("mutations", this.#mutations.length, mutations);
    refuse("bytes", this.#bytes, commitBytes);
    refuse("bytes of keys", this.#keyBytes, commitKeyBytes);
  }

  /**
   * The checks again, where an expired entry counts as absent although the
   * store has not swept it yet; undefined when no check failed for that.
   */
  async #forgiveExpired(): Promise<Check[] | undefined> {
    const absent = this.#checks.filter((c) => c.versionstamp === null);
    const entries = await readMany(this.#kv, absent.map((c) => c.key));
    const expired = new Map<Check, string>();
    for (const [i, entry] of entries.entries()) {
      if (entry.versionstamp === null) continue;
      const dead = isEnvelope(entry.value) &&
        entry.value[EXPIRES] <= this.#clock.now();
      const check = absent[i];
      if (!dead || check === undefined) return undefined;
      expired.set(check, entry.versionstamp);
    }
    if (expired.size === 0) return undefined;
    return this.#checks.map((check) => ({
      key: check.key,
      versionstamp: expired.get(check) ?? check.versionstamp,
    }));
  }
}

/** The entries at `keys`, read in groups as large as the store allows. */
async function readMany<T>(
  kv: Deno.Kv,
  keys: readonly Key[],
): Promise<Deno.KvEntryMaybe<T>[]> {
  const entries: Deno.KvEntryMaybe<T>[] = [];
  for (let i = 0; i < keys.length; i += KV_LIMITS.readKeys) {
    const group = keys.slice(i, i + KV_LIMITS.readKeys);
    entries.push(...await whileUnlocked(() => kv.getMany<T[]>(group)));
  }
  return entries;
}

/** What is stored for `value`, its size, and the options it is stored with. */
function prepare(
  value: unknown,
  expiresAt: number | undefined,
  clock: Clock,
): { stored: unknown; bytes: number; native: { expireIn?: number } } {
  if (expiresAt !== undefined) {
    const left = Math.max(0, Math.ceil(expiresAt - clock.now()));
    return {
      ...snapshot({ [EXPIRES]: expiresAt, [VALUE]: value }),
      native: { expireIn: Math.min(left + SWEEP_DELAY_MS, LONGEST_SWEEP_MS) },
    };
  }
  // A value that looks like an envelope goes into one that never expires.
  const stored = isEnvelope(value)
    ? { [EXPIRES]: Infinity, [VALUE]: value }
    : value;
  return { ...snapshot(stored), native: {} };
}
