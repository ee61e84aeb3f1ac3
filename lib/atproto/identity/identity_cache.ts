/**
 * Cache of identities, in this process and in the store that all instances
 * share.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Clock } from "../../clock.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { ResolveOptions } from "./identity.ts";

export interface IdentityCacheDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  /** How long a result is fresh, in milliseconds. */
  ttlMs: number;
  /** Age up to which a stale result is used while the network fails, in milliseconds. */
  staleTtlMs: number;
  /** How long a negative result is cached, in milliseconds. */
  negativeTtlMs: number;
}

/** A lookup: its name in this process and its key in the store. */
export interface Question {
  readonly name: string;
  readonly key: Key;
}

/** A cached result. Stays readable long after `checkedAt`, in case the network fails. */
interface Row<T> {
  value: T | null;
  /** Milliseconds since the Unix epoch. */
  checkedAt: number;
}

/** A row cached by this process. */
interface LocalRow {
  readonly row: Row<unknown>;
  readonly readAt: number;
  /** Set after a failed refresh: the row is used until then, regardless of its age. */
  readonly retryAt?: number;
}

/** A result, and the position of its lookup among those of this process. */
interface Answer<T> {
  readonly value: T | null;
  readonly order: number;
}

/** Delay before a failed refresh is retried, in milliseconds. */
const RETRY_MS = 30_000;

/**
 * Age up to which a result counts as fresh, in milliseconds; bounds how often
 * callers can make us query the network.
 */
const FRESH_MS = 5_000;

/** Minimum time for which rows are kept, in milliseconds: former handles are derived from them. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** How long this process caches a row before it reads the store again, in milliseconds. */
const LOCAL_MS = 30_000;

const LOCAL_ENTRIES = 5_000;

/** A two-level cache with one lookup at a time per name. */
export class IdentityCache {
  readonly #deps: IdentityCacheDeps;
  readonly #local: LRUCache<string, LocalRow>;
  readonly #flights = new SingleFlight();
  /** Lookups begun so far. */
  #order = 0;

  constructor(deps: IdentityCacheDeps) {
    this.#deps = deps;
    this.#local = new LRUCache({ max: LOCAL_ENTRIES });
  }

  /** Returns the stored result of any age, or undefined when there is none. */
  async stored<T>({ key }: Question): Promise<T | undefined> {
    const entry = await this.#deps.kv.get<Row<T>>(key);
    return entry?.value.value ?? undefined;
  }

  /** Replaces a result by one obtained elsewhere. */
  async replace<T>({ name, key }: Question, value: T): Promise<void> {
    this.#local.delete(name);
    await this.#store(key, { value, checkedAt: this.#deps.clock.now() });
  }

  /** Removes results atomically. */
  async remove(questions: readonly Question[]): Promise<void> {
    const change = this.#deps.kv.atomic();
    for (const { name, key } of questions) {
      change.delete(key);
      this.#local.delete(name);
    }
    await change.commit();
  }

  /**
   * Returns the cached result while it is fresh enough, else calls `ask`;
   * returns a stale result when `ask` fails or takes too long, unless the
   * caller requires a fresh one or it exceeds the limit for stale results.
   */
  async get<T>(
    { name, key }: Question,
    options: ResolveOptions,
    ask: (known: T | null) => Promise<T | null>,
  ): Promise<T | null> {
    const { clock, log } = this.#deps;
    const { fresh = false } = options;
    const now = clock.now();
    const local = this.#local.get(name);
    if (!fresh && local && now < (local.retryAt ?? 0)) {
      return local.row.value as T | null;
    }
    // A time in the future, after a clock was set back, counts as expired.
    const isYoung = (row: Row<unknown>) =>
      Math.abs(now - row.checkedAt) < this.#lifetime(row, options);
    const known = await this.#read<T>(name, key, fresh, isYoung);
    if (known && isYoung(known)) return known.value;
    // Outside of the single flight: it must not delay callers without a limit.
    if (!known) await options.beforeAsking?.();
    // Another caller's lookup may have finished while the store was read.
    const newer = this.#local.get(name)?.row;
    if (newer && newer.checkedAt >= now && isYoung(newer)) {
      return newer.value as T | null;
    }
    // Not read before: creating the request's AbortSignal is expensive.
    const { signal, patienceMs } = options;
    const usableMs = known ? this.#usableMs(known, now) : 0;
    const look = async (): Promise<Answer<T>> => {
      const order = ++this.#order;
      try {
        const value = await ask(known?.value ?? null);
        const row: Row<T> = { value, checkedAt: clock.now() };
        await this.#store(key, row);
        this.#local.set(name, { row, readAt: row.checkedAt });
        return { value, order };
      } catch (error) {
        if (fresh || !known || usableMs <= 0) throw error;
        log.warn("identity not refreshed", { name, error });
        const readAt = clock.now();
        const retryAt = readAt + Math.min(RETRY_MS, usableMs);
        this.#local.set(name, { row: known, readAt, retryAt });
        return { value: known.value, order };
      }
    };
    const flight = `${fresh} ${name}`;
    const lookUp = async (): Promise<T | null> => {
      const before = this.#order;
      const answer = await this.#flights.run(flight, signal, look);
      if (options.maxAgeMs !== 0 || answer.order > before) return answer.value;
      // The lookup that was joined may have read what has changed since.
      return (await this.#flights.run(flight, signal, look)).value;
    };
    const asked = lookUp();
    const old = known?.value ?? null;
    return old === null || fresh || patienceMs === undefined || usableMs <= 0
      ? await asked
      : await this.#soonOr(old, asked, patienceMs);
  }

  /** Returns the new result if it arrives soon, else the old one. */
  async #soonOr<T>(
    old: T,
    asked: Promise<T | null>,
    patienceMs: number,
  ): Promise<T | null> {
    asked.catch(() => {}); // the old result is returned then
    const stop = new AbortController();
    const late = this.#deps.clock.sleep(patienceMs, stop.signal);
    try {
      return await Promise.race([asked, late.then(() => old)]);
    } finally {
      stop.abort();
    }
  }

  #lifetime(row: Row<unknown>, options: ResolveOptions): number {
    const { maxAgeMs = Infinity } = options;
    if (options.fresh) return Math.min(FRESH_MS, maxAgeMs);
    const { ttlMs, negativeTtlMs } = this.#deps;
    const usual = row.value === null ? negativeTtlMs : ttlMs;
    return Math.min(usual, maxAgeMs);
  }

  /** How much longer a stale result may be used, in milliseconds. */
  #usableMs(row: Row<unknown>, now: number): number {
    const { ttlMs, staleTtlMs, negativeTtlMs } = this.#deps;
    const limit = row.value === null
      ? negativeTtlMs
      : Math.max(ttlMs, staleTtlMs);
    return limit - Math.abs(now - row.checkedAt);
  }

  async #store(key: Key, row: Row<unknown>): Promise<void> {
    const { kv, ttlMs, staleTtlMs, negativeTtlMs } = this.#deps;
    const keepMs = row.value === null
      ? negativeTtlMs
      : Math.max(KEEP_MS, ttlMs, staleTtlMs);
    await kv.set(key, row, { expiresAt: row.checkedAt + keepMs });
  }

  async #read<T>(
    name: string,
    key: Key,
    fresh: boolean,
    isYoung: (row: Row<unknown>) => boolean,
  ): Promise<Row<T> | undefined> {
    const { kv, clock } = this.#deps;
    const local = this.#local.get(name);
    const recent = local && clock.now() - local.readAt < LOCAL_MS;
    // Another instance may have stored a newer result.
    if (recent && !fresh && isYoung(local.row)) return local.row as Row<T>;
    const stored = await kv.get<Row<T>>(key);
    if (!stored) return undefined;
    this.#local.set(name, { row: stored.value, readAt: clock.now() });
    return stored.value;
  }
}
