/**
 * Transactions on PostgreSQL: one call of the function that commits.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import { CommitSize } from "../commit_size.ts";
import type { Atomic, Key } from "../kv.ts";
import { showKey } from "../limits.ts";
import { snapshot } from "../snapshot.ts";
import {
  bigintArray,
  byteaArray,
  floatArray,
  textArray,
} from "./binary_array.ts";
import type { Connections, Statement } from "./connections.ts";
import { encodeKey } from "./key_bytes.ts";
import { KIND, type StoredValue, toStored } from "./stored_value.ts";
import { COMMIT_FUNCTION, STRIPES } from "./tables.ts";

interface Check {
  readonly key: Buffer;
  /** 0 where the key must be absent: no commit has that version. */
  readonly version: bigint | null;
}

/** What becomes of a key; the last change of it in a commit counts. */
type Change =
  | {
    readonly to: "set";
    readonly stored: StoredValue;
    readonly expiresAt: number | null;
  }
  | { readonly to: "delete" }
  | { readonly to: "sum"; readonly by: bigint };

interface KeyChange {
  readonly key: Buffer;
  change: Change;
}

/** {@linkcode Atomic} over PostgreSQL. */
export class PostgresAtomic implements Atomic {
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #size = new CommitSize();
  readonly #checks: Check[] = [];
  readonly #changes = new Map<string, KeyChange>();

  constructor(connections: Connections, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  check(key: Key, versionstamp: string | null): this {
    this.#size.check(key);
    const version = versionstamp === null ? null : versionOf(versionstamp);
    this.#checks.push({ key: encodeKey(key), version });
    return this;
  }

  set(key: Key, value: unknown, options: { expiresAt?: number } = {}): this {
    const { stored, bytes } = snapshot(value);
    this.#size.value(key, bytes);
    this.#put(key, {
      to: "set",
      stored: toStored(stored),
      expiresAt: options.expiresAt ?? null,
    });
    return this;
  }

  delete(key: Key): this {
    this.#size.delete(key);
    this.#put(key, { to: "delete" });
    return this;
  }

  sum(key: Key, by: bigint): this {
    this.#size.value(key, 8);
    const before = this.#changes.get(nameOf(encodeKey(key)))?.change;
    this.#put(key, before ? summed(key, before, by) : { to: "sum", by });
    return this;
  }

  async commit(): Promise<boolean> {
    this.#size.assertFits();
    const [row] = await this.#connections.write(this.#statement());
    return row?.applied === true;
  }

  #put(key: Key, change: Change): void {
    const bytes = encodeKey(key);
    this.#changes.set(nameOf(bytes), { key: bytes, change });
  }

  #statement(): Statement {
    const changes = [...this.#changes.values()];
    const deletes = changes.filter(({ change }) => change.to === "delete");
    const sets = changes.flatMap(({ key, change }) =>
      change.to === "set" ? [{ key, ...change.stored, ...change }] : []
    );
    const sums = changes.flatMap(({ key, change }) =>
      change.to === "sum" ? [{ key, by: change.by }] : []
    );
    return {
      name: "kv_commit",
      text: `select ${COMMIT_FUNCTION}($1::bigint[], $2::float8, $3::bytea[],
        $4::bigint[], $5::bytea[], $6::bytea[], $7::bigint[], $8::text[],
        $9::bytea[], $10::bigint[], $11::float8[], $12::bytea[],
        $13::bigint[]) as applied`,
      values: [
        bigintArray(stripesOf([...this.#checks, ...changes])),
        this.#clock.now(),
        byteaArray(this.#checks.map(({ key }) => key)),
        bigintArray(this.#checks.map(({ version }) => version)),
        byteaArray(deletes.map(({ key }) => key)),
        byteaArray(sets.map(({ key }) => key)),
        bigintArray(sets.map(({ kind }) => BigInt(kind))),
        textArray(sets.map(({ body }) => body)),
        byteaArray(sets.map(({ bytes }) => bytes)),
        bigintArray(sets.map(({ count }) => count)),
        floatArray(sets.map(({ expiresAt }) => expiresAt)),
        byteaArray(sums.map(({ key }) => key)),
        bigintArray(sums.map(({ by }) => by)),
      ],
    };
  }
}

/** A version as it was read; one of another store matches no row. */
function versionOf(versionstamp: string): bigint {
  return /^\d{1,18}$/.test(versionstamp) ? BigInt(versionstamp) : -1n;
}

/** A sum after another change of the same key in one commit. */
function summed(key: Key, before: Change, by: bigint): Change {
  if (before.to === "sum") return { to: "sum", by: before.by + by };
  const count = before.to === "delete" ? 0n : before.stored.count;
  if (count === null) {
    throw new TypeError(`${showKey(key)} is set to a value that is no counter`);
  }
  const stored = { kind: KIND.counter, body: null, bytes: null };
  return {
    to: "set",
    stored: { ...stored, count: count + by },
    expiresAt: null,
  };
}

/** The stripes of all keys, each once, in rising order. */
function stripesOf(touched: readonly { readonly key: Buffer }[]): bigint[] {
  const stripes = new Set(touched.map(({ key }) => stripeOf(key)));
  return [...stripes].toSorted((a, b) => a - b).map(BigInt);
}

function stripeOf(key: Buffer): number {
  let hash = 0;
  for (const byte of key) hash = (Math.imul(hash, 31) + byte) | 0;
  // The low bits of short keys differ too little.
  return ((hash ^ (hash >>> 13)) >>> 0) % STRIPES;
}

function nameOf(key: Buffer): string {
  return key.toString("latin1");
}
