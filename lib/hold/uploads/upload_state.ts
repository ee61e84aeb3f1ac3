/**
 * The state of uploads in KV, and the lock that lets one request at a time
 * work on an upload, whichever instance it reaches.
 *
 * @module
 */

import { type Clock, endsWithin } from "../../clock.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { holdKeys } from "../kv_keys.ts";
import { busyUpload, unknownUpload } from "./upload_errors.ts";
import { type LockedRows, UploadLock } from "./upload_lock.ts";
import {
  newUploadRow,
  type UploadChange,
  type UploadRef,
  type UploadRow,
} from "./upload_row.ts";

/** What {@linkcode UploadStates} needs. */
export interface UploadStatesDeps {
  kv: Kv;
  clock: Clock;
  /** How long an upload may lie untouched, in milliseconds. */
  ttlMs: number;
}

/** How long a lock holds without renewal, in milliseconds. */
export const LOCK_MS = 30_000;

/** KV forgets a row only long after the sweep should have dealt with it. */
const BACKSTOP_MS = 7 * 24 * 3600 * 1000;

/** How long a finished upload is remembered, in milliseconds. */
const DONE_MS = 10 * 60 * 1000;

const UPLOAD_ID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The rows of all uploads. */
export class UploadStates implements LockedRows {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  /** Uploads this process works on; guards against itself even when a lock lapses. */
  readonly #working = new Set<string>();

  constructor(deps: UploadStatesDeps) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#ttlMs = deps.ttlMs;
  }

  /** Writes the row of a new upload. */
  async create(upload: UploadRef): Promise<void> {
    const row = newUploadRow(upload, this.#clock.now(), this.#ttlMs);
    if (!await this.#swap(row, null)) throw busyUpload(row.id);
  }

  /** The row, unless it has expired; `id` may be any text. */
  async find(id: string): Promise<UploadRow | undefined> {
    return (await this.#entry(id))?.value;
  }

  /**
   * Takes the upload for one request. Where it has no row yet, and `upload`
   * says whose it is, there is nothing to guard: releasing the lock writes the
   * row. Throws AppError `BLOB_UPLOAD_UNKNOWN` when there is none, `CONFLICT`
   * when another request works on it.
   */
  async lock(upload: string | UploadRef): Promise<UploadLock> {
    const id = typeof upload === "string" ? upload : upload.uploadId;
    if (this.#working.has(id)) throw busyUpload(id);
    this.#working.add(id);
    try {
      const entry = await this.#entry(id);
      const now = this.#clock.now();
      if (!entry) {
        if (typeof upload === "string") throw unknownUpload();
        const row = newUploadRow(upload, now, this.#ttlMs);
        return new UploadLock(this, row, undefined);
      }
      const { value } = entry;
      if (value.lock && value.lock.until > now) {
        await this.#shorten(entry, now);
        throw busyUpload(id);
      }
      const lock = { token: crypto.randomUUID(), until: now + LOCK_MS };
      const row = { ...value, lock };
      if (!await this.#swap(row, entry.versionstamp)) throw busyUpload(id);
      return new UploadLock(this, row, lock);
    } catch (error) {
      this.#working.delete(id);
      throw error;
    }
  }

  /**
   * Changes a row without a lock, for parts that may come side by side.
   * `change` gets the present row and returns what to change, or undefined to
   * leave it. Returns the row as it is now. Throws AppError
   * `BLOB_UPLOAD_UNKNOWN` when there is none.
   */
  async update(
    id: string,
    change: (row: UploadRow) => UploadChange | undefined,
  ): Promise<UploadRow> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const entry = await this.#entry(id);
      if (!entry) throw unknownUpload();
      const changes = change(entry.value);
      if (!changes) return entry.value;
      const row = this.#touched({ ...entry.value, ...changes });
      if (await this.#swap(row, entry.versionstamp)) return row;
    }
    throw busyUpload(id);
  }

  /** Forgets an upload; requests that work on it fail when they finish. */
  async remove(id: string): Promise<void> {
    await this.#kv.delete(holdKeys.upload(id));
  }

  free(id: string): void {
    this.#working.delete(id);
  }

  /** All rows, expired ones included. */
  async *all(): AsyncIterableIterator<UploadRow> {
    const rows = this.#kv.list<UploadRow>({ prefix: holdKeys.uploads });
    for await (const { value } of rows) yield value;
  }

  async renew(id: string, token: string): Promise<number | undefined> {
    const entry = await this.#entry(id);
    if (entry?.value.lock?.token !== token) return undefined;
    const until = this.#clock.now() + LOCK_MS;
    const row = this.#touched({ ...entry.value, lock: { token, until } });
    return await this.#swap(row, entry.versionstamp) ? until : undefined;
  }

  async release(
    id: string,
    token: string,
    changes: UploadChange,
  ): Promise<void> {
    const entry = await this.#entry(id);
    if (!entry) throw unknownUpload();
    if (entry.value.lock?.token !== token) throw busyUpload(id);
    const row = this.#touched({ ...entry.value, ...changes, lock: undefined });
    if (!await this.#swap(row, entry.versionstamp)) throw busyUpload(id);
  }

  async insert(row: UploadRow): Promise<void> {
    if (!await this.#swap(this.#touched(row), null)) throw busyUpload(row.id);
  }

  now(): number {
    return this.#clock.now();
  }

  #touched(row: UploadRow): UploadRow {
    const lifeMs = row.done ? DONE_MS : this.#ttlMs;
    return { ...row, expiresAt: this.#clock.now() + lifeMs };
  }

  async #entry(id: string) {
    if (!UPLOAD_ID.test(id)) return undefined;
    const entry = await this.#kv.get<UploadRow>(holdKeys.upload(id));
    if (!entry || entry.value.expiresAt <= this.#clock.now()) return undefined;
    return entry;
  }

  /** Ends a lock of a time ahead of now one life from now: the clock was set back, and its holder may be alive. */
  async #shorten(
    { value, versionstamp }: Entry<UploadRow>,
    now: number,
  ): Promise<void> {
    const { lock } = value;
    if (!lock || endsWithin(lock.until, LOCK_MS, now)) return;
    const row = { ...value, lock: { ...lock, until: now + LOCK_MS } };
    await this.#swap(row, versionstamp);
  }

  #swap(row: UploadRow, versionstamp: string | null): Promise<boolean> {
    const key = holdKeys.upload(row.id);
    return this.#kv.atomic().check(key, versionstamp).set(key, row, {
      expiresAt: row.expiresAt + BACKSTOP_MS,
    }).commit();
  }
}
