/**
 * {@linkcode Kv} on PostgreSQL, for several instances: one table, the keys as
 * bytes in their order. Expiry is a column that reads and checks compare with
 * the clock of the caller.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import type {
  Atomic,
  Entry,
  Key,
  Kv,
  ListOptions,
  ListSelector,
  StoredEntry,
} from "../kv.ts";
import { parsePostgresAddress } from "./address.ts";
import { byteaArray } from "./binary_array.ts";
import { Connections, type PoolLimits, type Row } from "./connections.ts";
import { decodeKey, encodeKey, encodeRange } from "./key_bytes.ts";
import { PostgresAtomic } from "./postgres_atomic.ts";
import { fromStored } from "./stored_value.ts";
import { createTables } from "./tables.ts";

/** Rows of one page of a listing; bounds its memory to about 40 MB. */
const PAGE = 200;

/** Keys of one statement. */
const READ_KEYS = 500;

/** Rows removed at once. */
const SWEEP_ROWS = 1_000;

/** How long expired rows stay, because clocks differ, in milliseconds. */
const SWEEP_DELAY_MS = 60_000;

const COLUMNS =
  "kv.kind, kv.body, kv.bytes, kv.count, kv.version, kv.expires_at";
const ALIVE = "(kv.expires_at is null or kv.expires_at > $1)";

/** Implements {@linkcode Kv}. */
export class PostgresKv implements Kv {
  readonly #connections: Connections;
  readonly #clock: Clock;

  private constructor(connections: Connections, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /**
   * Connects and creates the tables when they are missing. Throws AppError
   * `UNAVAILABLE` or `INVALID_REQUEST` with the reason.
   */
  static async open(
    location: string,
    clock: Clock,
    limits: PoolLimits,
  ): Promise<PostgresKv> {
    const address = parsePostgresAddress(location);
    const connections = await Connections.create(address, limits);
    try {
      const session = await connections.session();
      await createTables(session).finally(() => session.end());
    } catch (error) {
      await connections.close();
      throw error;
    }
    return new PostgresKv(connections, clock);
  }

  async get<T>(key: Key): Promise<Entry<T> | undefined> {
    const [row] = await this.#connections.read({
      name: "kv_get",
      text: `select ${COLUMNS} from atcr_kv kv where ${ALIVE} and kv.key = $2`,
      values: [this.#clock.now(), encodeKey(key)],
    });
    return row && entryOf<T>(key, row);
  }

  async getMany<T>(keys: readonly Key[]): Promise<(Entry<T> | undefined)[]> {
    const found: (Entry<T> | undefined)[] = keys.map(() => undefined);
    for (let first = 0; first < keys.length; first += READ_KEYS) {
      const group = keys.slice(first, first + READ_KEYS);
      const rows = await this.#connections.read({
        name: "kv_get_many",
        text: `select wanted.place, ${COLUMNS} from
          unnest($2::bytea[]) with ordinality wanted(key, place)
          join atcr_kv kv on kv.key = wanted.key where ${ALIVE}`,
        values: [this.#clock.now(), byteaArray(group.map(encodeKey))],
      });
      for (const row of rows) {
        const place = first + Number(row.place) - 1;
        const key = keys[place];
        if (key !== undefined) found[place] = entryOf<T>(key, row);
      }
    }
    return found;
  }

  async counter(key: Key): Promise<bigint> {
    const entry = await this.get(key);
    return entry?.value instanceof Deno.KvU64 ? entry.value.value : 0n;
  }

  async *list<T>(
    selector: ListSelector,
    { limit = Infinity, reverse = false }: ListOptions = {},
  ): AsyncIterableIterator<Entry<T>> {
    let { from, to } = encodeRange(selector);
    for (let left = limit; left > 0;) {
      const size = Math.min(left, PAGE);
      const rows = await this.#connections.read({
        name: reverse ? "kv_list_reverse" : "kv_list",
        text: `select kv.key, ${COLUMNS} from atcr_kv kv
          where ${ALIVE} and kv.key >= $2 and kv.key < $3
          order by kv.key ${reverse ? "desc" : "asc"} limit $4`,
        values: [this.#clock.now(), from, to, size],
      });
      for (const row of rows) {
        yield entryOf<T>(decodeKey(bytesOf(row.key)), row);
      }
      if (rows.length < size) return;
      left -= rows.length;
      const last = bytesOf(rows.at(-1)?.key);
      if (reverse) to = last;
      else from = after(last);
    }
  }

  async *entries(
    { after: start }: { after?: Key } = {},
  ): AsyncIterableIterator<StoredEntry> {
    const session = await this.#connections.session();
    try {
      await session.run("begin isolation level repeatable read read only");
      let from = start ? after(encodeKey(start)) : Buffer.alloc(0);
      while (true) {
        const rows = await session.run(
          `select kv.key, ${COLUMNS} from atcr_kv kv
            where ${ALIVE} and kv.key >= $2 order by kv.key limit $3`,
          [this.#clock.now(), from, PAGE],
        );
        for (const row of rows) yield storedEntryOf(row);
        if (rows.length < PAGE) return;
        from = after(bytesOf(rows.at(-1)?.key));
      }
    } finally {
      session.end();
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
    return new PostgresAtomic(this.#connections, this.#clock);
  }

  async sweepExpired(): Promise<number> {
    let removed = 0;
    while (true) {
      const rows = await this.#connections.write({
        name: "kv_sweep",
        text: `delete from atcr_kv where key in (
          select key from atcr_kv where expires_at <= $1
          limit $2 for update skip locked) returning 1 as gone`,
        values: [this.#clock.now() - SWEEP_DELAY_MS, SWEEP_ROWS],
      });
      removed += rows.length;
      if (rows.length < SWEEP_ROWS) return removed;
    }
  }

  close(): void {
    this.#connections.close().catch(() => {});
  }
}

/** The first key after `key`. */
function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0x00])]);
}

function entryOf<T>(key: Key, row: Row): Entry<T> {
  return {
    key,
    value: valueOf(row) as T,
    versionstamp: String(row.version),
  };
}

function storedEntryOf(row: Row): StoredEntry {
  const key = decodeKey(bytesOf(row.key));
  const value = valueOf(row);
  return typeof row.expires_at === "number"
    ? { key, value, expiresAt: row.expires_at }
    : { key, value };
}

function valueOf({ kind, body, bytes, count }: Row): unknown {
  return fromStored({
    kind: Number(kind),
    body: typeof body === "string" ? body : null,
    bytes: bytes === null ? null : bytesOf(bytes),
    count: count === null ? null : BigInt(String(count)),
  });
}

function bytesOf(column: unknown): Buffer {
  if (Buffer.isBuffer(column)) return column;
  throw new TypeError("PostgreSQL answered with something else than bytes");
}
