/**
 * Byte values above the store's limit of 64 KiB: split into chunks that are
 * written before the row that points to them, so that a partly written value is
 * never visible.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { Clock } from "../clock.ts";
import type { Atomic, Entry, Key, Kv } from "./kv.ts";
import { chunkKey, unfinishedKey, unfinishedKeys } from "./keys.ts";
import { showKey } from "./limits.ts";

/** Longest value, in bytes. */
const LARGE_VALUE_MAX_BYTES = 8 * 1024 * 1024;

const CHUNK_BYTES = 60_000;
/** 780,000 bytes of chunks stay below the 800 KiB of one commit. */
const CHUNKS_PER_COMMIT = 13;
/** Chunks outlive an expiring pointer, for readers that have just read it. */
const CHUNK_GRACE_MS = 60_000;
/** A value unfinished for this long was left behind by a crash. */
const ABANDONED_AFTER_MS = 3_600_000;
const ATTEMPTS = 20;

/** The row at the value's key: the bytes, or a pointer to the chunks. */
type Pointer =
  | { readonly bytes: Uint8Array }
  | { readonly id: string; readonly size: number };

interface Unfinished {
  readonly since: number;
  readonly chunks: number;
}

/** Stores byte values of up to 8 MiB. */
export class LargeValues {
  readonly #kv: Kv;
  readonly #clock: Clock;

  /** @param clock must be the clock of `kv`. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Returns the whole value at `key`, or undefined when there is none. Throws
   * AppError `INTERNAL` when chunks of it are missing.
   */
  async get(key: Key): Promise<Uint8Array | undefined> {
    let seen: string | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#kv.get<Pointer>(key);
      if (entry === undefined) return undefined;
      const bytes = await this.#read(entry.value);
      if (bytes !== undefined) return bytes;
      // Replaced while it was being read, unless the pointer is still the same.
      if (entry.versionstamp === seen) break;
      seen = entry.versionstamp;
    }
    throw new AppError(
      "INTERNAL",
      "A stored value of this server is incomplete.",
      { operator: `The stored value at ${showKey(key)} is incomplete.` },
    );
  }

  /**
   * Stores `bytes` at `key`, replacing the old value, which readers see until
   * the new one is complete. Throws a RangeError beyond 8 MiB and AppError
   * `UNAVAILABLE` when concurrent writers keep winning.
   */
  async set(
    key: Key,
    bytes: Uint8Array,
    options: { expiresAt?: number } = {},
  ): Promise<void> {
    if (bytes.length > LARGE_VALUE_MAX_BYTES) {
      throw new RangeError(
        `The value at ${showKey(key)} has ${bytes.length} bytes, ` +
          `at most ${LARGE_VALUE_MAX_BYTES} are allowed`,
      );
    }
    if (bytes.length <= CHUNK_BYTES) {
      const pointer: Pointer = { bytes };
      return await this.#replace(
        key,
        (commit) => commit.set(key, pointer, options),
      );
    }
    const id = crypto.randomUUID();
    await this.#writeChunks(id, bytes, options.expiresAt);
    const pointer: Pointer = { id, size: bytes.length };
    const mark = await this.#kv.get(unfinishedKey(id));
    if (mark === undefined) throw contended(key);
    await this.#replace(key, (commit) =>
      commit
        .check(mark.key, mark.versionstamp)
        .delete(mark.key)
        .set(key, pointer, options));
  }

  /**
   * Returns the row that stores `bytes`, for the caller's own commit at a key
   * that never had another value; undefined when they do not fit into one row.
   */
  row(bytes: Uint8Array): unknown {
    const pointer: Pointer = { bytes };
    return bytes.length <= CHUNK_BYTES ? pointer : undefined;
  }

  /** Deletes the value at `key` with its chunks, if there is one. */
  async delete(key: Key): Promise<void> {
    await this.#replace(key, (commit) => commit.delete(key));
  }

  /**
   * Deletes the value at `key` together with `row`, if the row is unchanged and
   * the value is not being written; returns whether it was deleted.
   */
  async deleteWith(
    key: Key,
    row: { readonly key: Key; readonly versionstamp: string },
  ): Promise<boolean> {
    const old: Entry<Pointer> | undefined = await this.#kv.get(key);
    const commit = this.#kv.atomic()
      .check(row.key, row.versionstamp).delete(row.key)
      .check(key, old?.versionstamp ?? null).delete(key);
    if (old !== undefined && "id" in old.value) {
      deleteChunks(commit, old.value.id, chunkCount(old.value.size));
    }
    return await commit.commit();
  }

  /**
   * Deletes values left unfinished by writers that died more than an hour ago;
   * call it periodically. Returns how many it deleted.
   */
  async sweep(): Promise<number> {
    let swept = 0;
    const before = this.#clock.now() - ABANDONED_AFTER_MS;
    for await (const entry of this.#kv.list<Unfinished>(unfinishedKeys)) {
      if (entry.value.since > before) continue;
      const id = String(entry.key.at(-1));
      const commit = this.#kv.atomic()
        .check(entry.key, entry.versionstamp)
        .delete(entry.key);
      deleteChunks(commit, id, entry.value.chunks);
      if (await commit.commit()) swept++;
    }
    return swept;
  }

  async #read(pointer: Pointer): Promise<Uint8Array | undefined> {
    if ("bytes" in pointer) return pointer.bytes;
    const keys = Array.from(
      { length: chunkCount(pointer.size) },
      (_, index) => chunkKey(pointer.id, index),
    );
    const whole = new Uint8Array(pointer.size);
    let offset = 0;
    for (const chunk of await this.#kv.getMany<Uint8Array>(keys)) {
      if (chunk === undefined) return undefined;
      whole.set(chunk.value, offset);
      offset += chunk.value.length;
    }
    return offset === pointer.size ? whole : undefined;
  }

  async #writeChunks(
    id: string,
    bytes: Uint8Array,
    expiresAt: number | undefined,
  ): Promise<void> {
    const chunks = chunkCount(bytes.length);
    const options = expiresAt === undefined
      ? {}
      : { expiresAt: expiresAt + CHUNK_GRACE_MS };
    const mark: Unfinished = { since: this.#clock.now(), chunks };
    let commit = this.#kv.atomic().set(unfinishedKey(id), mark);
    for (let index = 0; index < chunks; index++) {
      const start = index * CHUNK_BYTES;
      const chunk = bytes.subarray(start, start + CHUNK_BYTES);
      commit.set(chunkKey(id, index), chunk, options);
      if ((index + 1) % CHUNKS_PER_COMMIT && index + 1 < chunks) continue;
      await commit.commit();
      commit = this.#kv.atomic();
    }
  }

  /**
   * Commits the mutations of `change` together with the deletion of the chunks
   * that the row at `key` points to.
   */
  async #replace(key: Key, change: (commit: Atomic) => void): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const old: Entry<Pointer> | undefined = await this.#kv.get(key);
      const commit = this.#kv.atomic().check(key, old?.versionstamp ?? null);
      change(commit);
      if (old !== undefined && "id" in old.value) {
        deleteChunks(commit, old.value.id, chunkCount(old.value.size));
      }
      if (await commit.commit()) return;
    }
    throw contended(key);
  }
}

function contended(key: Key): AppError {
  return new AppError(
    "UNAVAILABLE",
    "Another request is writing the same at the moment; try again.",
    {
      retryAfterSeconds: 1,
      operator: `The value at ${showKey(key)} is being written by others.`,
    },
  );
}

function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

function deleteChunks(commit: Atomic, id: string, count: number): void {
  for (let index = 0; index < count; index++) {
    commit.delete(chunkKey(id, index));
  }
}
