/**
 * State of uploads to remote holds in KV, so that any instance can continue
 * them. A request writes only what it adds: the parts and the bytes of the tail
 * have rows of their own, which count as far as the row of the upload says.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import type { Atomic, Entry, Key, Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";

/** State of an upload. */
export interface RemoteUploadRow {
  /** The hold's own id. */
  readonly holdUploadId: string;
  /** Bytes acknowledged, including the tail. */
  readonly offset: number;
  /** Bytes of the tail, which do not fill a part yet. */
  readonly tail: number;
  /** Where in the blob the last row of the tail begins. */
  readonly last: number;
  /** Number of parts sent. */
  readonly parts: number;
  /** When the oldest row of a part or of the tail was written, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** What a request adds to an upload. */
export interface Addition {
  /** Parts sent, after those in the row. */
  readonly sent: readonly PartRef[];
  /** Bytes of the previous tail that stay; all or none. */
  readonly kept: number;
  /** Bytes of the new tail after those that stay. */
  readonly rest: Uint8Array;
  /** Bytes of the blob acknowledged then. */
  readonly offset: number;
}

export interface RemoteUploadRowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  /** Idle time after which an upload expires, in milliseconds. */
  readonly ttlMs: number;
}

/** Bytes of one row of the tail. */
const CHUNK_BYTES = 60_000;

/** A last row with fewer bytes is extended, so that small requests do not make many rows. */
const SMALL_BYTES = 4_096;

/** Rows of the tail, of up to 60,000 bytes, and other rows per commit. */
const CHUNKS_PER_COMMIT = 12;
const ROWS_PER_COMMIT = 200;

/** How long parts and tails stay when an upload may be idle for `ttlMs`; in milliseconds. */
export function keptMs(ttlMs: number): number {
  return 2 * ttlMs;
}

/** Stores the rows. */
export class RemoteUploadRows {
  readonly #deps: RemoteUploadRowsDeps;

  constructor(deps: RemoteUploadRowsDeps) {
    this.#deps = deps;
  }

  /** Writes the row of a new upload. */
  async create(id: string, holdUploadId: string): Promise<void> {
    const { kv, clock, ttlMs } = this.#deps;
    const since = clock.now();
    const nothing = { offset: 0, tail: 0, last: 0, parts: 0 };
    const row: RemoteUploadRow = { holdUploadId, ...nothing, since };
    await kv.set(registryKeys.remoteUpload(id), row, {
      expiresAt: since + ttlMs,
    });
  }

  /** The row; undefined when there is no such upload. */
  find(id: string): Promise<Entry<RemoteUploadRow> | undefined> {
    return this.#deps.kv.get(registryKeys.remoteUpload(id));
  }

  /** The row. Throws AppError `BLOB_UPLOAD_UNKNOWN`. */
  async require(id: string): Promise<Entry<RemoteUploadRow>> {
    const entry = await this.find(id);
    if (entry) return entry;
    throw unknownUpload();
  }

  /**
   * Reads the tail to the beginning of `bytes` and returns them. Throws
   * AppError `BLOB_UPLOAD_UNKNOWN` when some are missing.
   */
  async tail(
    id: string,
    { offset, tail }: RemoteUploadRow,
    bytes = new Uint8Array(tail),
  ): Promise<Uint8Array<ArrayBuffer>> {
    const begin = offset - tail;
    let at = begin;
    const rows = this.#deps.kv.list<Uint8Array>({
      prefix: registryKeys.remoteTails(id),
      start: registryKeys.remoteTail(id, begin),
    });
    for await (const { key, value } of rows) {
      if (at >= offset) break;
      // Others were left by a request that failed.
      if (key.at(-1) !== at) continue;
      bytes.set(value.subarray(0, offset - at), at - begin);
      at += value.length;
    }
    if (at < offset) throw unknownUpload();
    return bytes;
  }

  /** The parts sent. Throws AppError `BLOB_UPLOAD_UNKNOWN` when some are missing. */
  async parts(id: string, { parts }: RemoteUploadRow): Promise<PartRef[]> {
    const numbers = Array.from({ length: parts }, (_, i) => i + 1);
    const rows = await this.#deps.kv.getMany<string>(
      numbers.map((number) => registryKeys.remotePart(id, number)),
    );
    return rows.map((row, i) => {
      if (!row) throw unknownUpload();
      return { partNumber: i + 1, etag: row.value };
    });
  }

  /**
   * Adds what a request received, the row last. Throws AppError `CONFLICT` when
   * another request changed the upload meanwhile.
   */
  async add(
    id: string,
    before: Entry<RemoteUploadRow>,
    { sent, kept, rest, offset }: Addition,
  ): Promise<void> {
    const { ttlMs, clock } = this.#deps;
    const now = clock.now();
    const renewed = await this.#renewed(id, before);
    const { since, ...row } = renewed.value;
    // Renewed in time.
    const own = { expiresAt: now + keptMs(ttlMs) };
    const parts = sent.map(({ partNumber, etag }) => (commit: Atomic) =>
      commit.set(registryKeys.remotePart(id, partNumber), etag, own)
    );
    await this.#commits(renewed, parts, ROWS_PER_COMMIT);
    const added = await this.#extended(id, row, { kept, rest, offset });
    const chunks: ((commit: Atomic) => Atomic)[] = [];
    let last = kept > 0 ? row.last : offset;
    for (let i = 0; i < added.length; i += CHUNK_BYTES) {
      const bytes = added.slice(i, i + CHUNK_BYTES);
      const at = offset - added.length + i;
      const key = registryKeys.remoteTail(id, at);
      chunks.push((commit) => commit.set(key, bytes, own));
      last = at;
    }
    await this.#commits(renewed, chunks, CHUNKS_PER_COMMIT);
    const next: RemoteUploadRow = {
      ...row,
      offset,
      last,
      tail: kept + rest.length,
      parts: row.parts + sent.length,
      since: row.parts === 0 && kept === 0 ? now : since,
    };
    await this.#put(renewed, next, now + ttlMs);
    if (kept === 0 && row.tail > 0) {
      await this.#clear({
        start: registryKeys.remoteTail(id, row.offset - row.tail),
        end: registryKeys.remoteTail(id, offset - next.tail),
      });
    }
  }

  /** Removes an upload. */
  async remove(id: string): Promise<void> {
    await this.#deps.kv.delete(registryKeys.remoteUpload(id));
    await this.#clear({ prefix: registryKeys.remoteRows(id) });
  }

  /** Returns the bytes to write: those of a small last row, and the new ones. */
  async #extended(
    id: string,
    { last, offset: end }: Pick<RemoteUploadRow, "last" | "offset">,
    { kept, rest }: Omit<Addition, "sent">,
  ): Promise<Uint8Array> {
    const size = end - last;
    if (kept === 0 || rest.length === 0 || size >= SMALL_BYTES) return rest;
    const key = registryKeys.remoteTail(id, last);
    const row = await this.#deps.kv.get<Uint8Array>(key);
    if (!row || row.value.length < size) throw unknownUpload();
    const bytes = new Uint8Array(size + rest.length);
    bytes.set(row.value.subarray(0, size));
    bytes.set(rest, size);
    return bytes;
  }

  /** Writes old rows of an upload again before they expire; returns its row. */
  async #renewed(
    id: string,
    before: Entry<RemoteUploadRow>,
  ): Promise<Entry<RemoteUploadRow>> {
    const { kv, clock, ttlMs } = this.#deps;
    const now = clock.now();
    if (now - before.value.since < ttlMs) return before;
    const own = { expiresAt: now + keptMs(ttlMs) };
    const prefix = registryKeys.remoteRows(id);
    let changes: ((commit: Atomic) => Atomic)[] = [];
    for await (const { key, value } of kv.list({ prefix })) {
      changes.push((commit) => commit.set(key, value, own));
      if (changes.length < CHUNKS_PER_COMMIT) continue;
      await this.#commits(before, changes, CHUNKS_PER_COMMIT);
      changes = [];
    }
    await this.#commits(before, changes, CHUNKS_PER_COMMIT);
    await this.#put(before, { ...before.value, since: now }, now + ttlMs);
    return await this.require(id);
  }

  /** Commits `changes` in groups, as long as the upload is unchanged. */
  async #commits(
    { key, versionstamp }: Entry<RemoteUploadRow>,
    changes: readonly ((commit: Atomic) => Atomic)[],
    size: number,
  ): Promise<void> {
    for (let i = 0; i < changes.length; i += size) {
      const commit = this.#deps.kv.atomic().check(key, versionstamp);
      for (const change of changes.slice(i, i + size)) change(commit);
      if (!await commit.commit()) throw changedMeanwhile();
    }
  }

  async #put(
    { key, versionstamp }: Entry<RemoteUploadRow>,
    row: RemoteUploadRow,
    expiresAt: number,
  ): Promise<void> {
    const commit = this.#deps.kv.atomic().check(key, versionstamp);
    const done = await commit.set(key, row, { expiresAt }).commit();
    if (!done) throw changedMeanwhile();
  }

  async #clear(selector: { prefix: Key } | { start: Key; end: Key }) {
    const { kv } = this.#deps;
    let keys: Key[] = [];
    const clear = async () => {
      const commit = kv.atomic();
      for (const key of keys) commit.delete(key);
      if (keys.length > 0) await commit.commit();
      keys = [];
    };
    for await (const { key } of kv.list(selector)) {
      keys.push(key);
      if (keys.length === ROWS_PER_COMMIT) await clear();
    }
    await clear();
  }
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}

function changedMeanwhile(): AppError {
  return new AppError(
    "CONFLICT",
    "Another request changed this upload; ask where the upload stands.",
    { retryAfterSeconds: 1 },
  );
}
