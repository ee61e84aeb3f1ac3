/**
 * The rows of uploads in KV, and the lock in them that lets one request at a
 * time work on an upload, whichever instance it reaches. The states of an
 * upload are described in `uploads.ts`.
 *
 * @module
 */

import { type Clock, isAhead } from "../../clock.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Instance } from "../../kv/operating/instance.ts";
import { holdKeys } from "../kv_keys.ts";
import { busyUpload, unknownUpload } from "./upload_errors.ts";
import {
  newUploadRow,
  type RowLock,
  type UploadChange,
  type UploadRow,
} from "./upload_row.ts";

export interface UploadRowsDeps {
  kv: Kv;
  clock: Clock;
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
  /** This process; without it a lock of a killed process ends by its time alone. */
  instance?: Instance | undefined;
}

/** How long a lock holds without renewal, in milliseconds. */
export const LOCK_MS = 30_000;

/** KV expires a row only long after the sweep should have removed it. */
const BACKSTOP_MS = 7 * 24 * 3600 * 1000;

/** How long the row of a finished upload is kept, in milliseconds. */
const DONE_MS = 10 * 60 * 1000;

const UPLOAD_ID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The rows of all uploads. */
export class UploadRows {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #instance: Instance | undefined;
  /**
   * Uploads that this process is working on; excludes concurrent work here even
   * when a lock expires.
   */
  readonly #working = new Set<string>();

  constructor(deps: UploadRowsDeps) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#ttlMs = deps.ttlMs;
    this.#instance = deps.instance;
  }

  /** Writes the row of a new upload. */
  async create(upload: UploadRef): Promise<void> {
    await this.insert(newUploadRow(upload, this.now(), this.#ttlMs));
  }

  /** The row, unless it has expired; `id` may be any text. */
  async find(id: string): Promise<UploadRow | undefined> {
    return (await this.#entry(id))?.value;
  }

  /** Rows that have expired and that no request works on. */
  async *expired(): AsyncIterableIterator<UploadRow> {
    const rows = this.#kv.list<UploadRow>({ prefix: holdKeys.uploads });
    for await (const row of rows) {
      const { expiresAt, lock } = row.value;
      if (Math.max(expiresAt, lock?.until ?? 0) <= this.now()) yield row.value;
      else await this.#shorten(row);
    }
  }

  /**
   * Locks the upload for one request. If it has no row yet, and `upload` names
   * its owner, there is nothing to lock: releasing writes the row. Throws
   * AppError `BLOB_UPLOAD_UNKNOWN` when there is none, `CONFLICT` when another
   * request works on it.
   */
  async lock(upload: string | UploadRef): Promise<UploadLock> {
    const id = typeof upload === "string" ? upload : upload.uploadId;
    if (this.#working.has(id)) throw busyUpload(id);
    this.#working.add(id);
    try {
      return await this.#take(id, upload);
    } catch (error) {
      this.#working.delete(id);
      throw error;
    }
  }

  /**
   * Changes a row without a lock, for concurrent parts. `change` receives the
   * current row and returns the changes, or undefined for none. Returns the
   * resulting row. Throws AppError `BLOB_UPLOAD_UNKNOWN` when there is none.
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

  /** Deletes the row of an upload; requests working on it fail when they finish. */
  async remove(id: string): Promise<void> {
    await this.#kv.delete(holdKeys.upload(id));
  }

  async #take(id: string, upload: string | UploadRef): Promise<UploadLock> {
    const entry = await this.#entry(id);
    if (!entry) {
      if (typeof upload === "string") throw unknownUpload();
      return new UploadLock(
        this,
        newUploadRow(upload, this.now(), this.#ttlMs),
      );
    }
    const { value, versionstamp } = entry;
    const now = this.now();
    const isLocked = value.lock !== undefined && value.lock.until > now &&
      !await this.#isOfDead(value.lock);
    if (isLocked) {
      await this.#shorten(entry);
      throw busyUpload(id);
    }
    const lock = this.#newLock(crypto.randomUUID());
    const row = { ...value, lock };
    if (!await this.#swap(row, versionstamp)) throw busyUpload(id);
    return new UploadLock(this, row);
  }

  /** Extends a lock; undefined when it was lost. For {@linkcode UploadLock}, as the methods below. */
  async renew(id: string, token: string): Promise<number | undefined> {
    const entry = await this.#entry(id);
    if (entry?.value.lock?.token !== token) return undefined;
    const lock = this.#newLock(token);
    const row = this.#touched({ ...entry.value, lock });
    return await this.#swap(row, entry.versionstamp) ? lock.until : undefined;
  }

  /** Releases a lock and applies `changes`. */
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

  /** Writes a row that must not exist yet. */
  async insert(row: UploadRow): Promise<void> {
    if (!await this.#swap(this.#touched(row), null)) throw busyUpload(row.id);
  }

  /** Marks the work of this process on an upload as ended. */
  free(id: string): void {
    this.#working.delete(id);
  }

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return this.#clock.now();
  }

  #newLock(token: string): RowLock {
    const by = this.#instance?.isRunning ? { by: this.#instance.id } : {};
    return { token, until: this.now() + LOCK_MS, ...by };
  }

  /** Whether the process that holds the lock was killed. */
  async #isOfDead({ by }: RowLock): Promise<boolean> {
    if (by === undefined || this.#instance === undefined) return false;
    return !await this.#instance.isAlive(by);
  }

  #touched(row: UploadRow): UploadRow {
    return { ...row, expiresAt: this.now() + this.#lifeMs(row) };
  }

  #lifeMs(row: UploadRow): number {
    return row.done ? DONE_MS : this.#ttlMs;
  }

  async #entry(id: string): Promise<Entry<UploadRow> | undefined> {
    if (!UPLOAD_ID.test(id)) return undefined;
    const entry = await this.#kv.get<UploadRow>(holdKeys.upload(id));
    return entry && entry.value.expiresAt > this.now() ? entry : undefined;
  }

  /**
   * Shortens a lock or a row that expires too far in the future, because the
   * clock was set back, to one lifetime from now; its holder may be alive.
   */
  async #shorten({ value, versionstamp }: Entry<UploadRow>): Promise<void> {
    const now = this.now();
    const capped = (until: number, lifeMs: number) =>
      isAhead(until - lifeMs, now) ? now + lifeMs : until;
    const { expiresAt, lock } = value;
    const row = {
      ...value,
      expiresAt: capped(expiresAt, this.#lifeMs(value)),
      lock: lock && { ...lock, until: capped(lock.until, LOCK_MS) },
    };
    const isSame = row.expiresAt === expiresAt &&
      row.lock?.until === lock?.until;
    if (!isSame) await this.#swap(row, versionstamp);
  }

  #swap(row: UploadRow, versionstamp: string | null): Promise<boolean> {
    const key = holdKeys.upload(row.id);
    return this.#kv.atomic().check(key, versionstamp).set(key, row, {
      expiresAt: row.expiresAt + BACKSTOP_MS,
    }).commit();
  }
}

/** The lock of one request on one upload; created only by {@linkcode UploadRows.lock}. */
export class UploadLock {
  readonly #rows: UploadRows;
  /** The lock in the row; undefined while the upload has no row. */
  readonly #lock: RowLock | undefined;
  #until: number;
  #released = false;
  /** The row when the lock was taken. */
  readonly row: UploadRow;

  constructor(rows: UploadRows, row: UploadRow) {
    this.#rows = rows;
    this.row = row;
    this.#lock = row.lock;
    // An upload without a row cannot be locked; a slower request fails at the end.
    this.#until = row.lock?.until ?? Infinity;
  }

  /** Whether no other request can have taken the upload yet. */
  get held(): boolean {
    return this.#rows.now() < this.#until;
  }

  /** Extends the lock; after a failure {@linkcode held} becomes false in time. */
  async renew(): Promise<void> {
    if (!this.#lock) return;
    const until = await this.#rows.renew(this.row.id, this.#lock.token);
    if (until !== undefined) this.#until = until;
  }

  /**
   * Releases the lock and applies `changes`. A second call does nothing. Throws
   * AppError `BLOB_UPLOAD_UNKNOWN` or `CONFLICT` when the upload was aborted or
   * taken over meanwhile; nothing is changed then.
   */
  async release(changes: UploadChange = {}): Promise<void> {
    await this.#end(async () => {
      if (this.#lock) {
        await this.#rows.release(this.row.id, this.#lock.token, changes);
      } else if (changes.mode ?? changes.done) {
        await this.#rows.insert({ ...this.row, ...changes });
      }
    });
  }

  /** Releases the lock and deletes the row. */
  async remove(): Promise<void> {
    await this.#end(() => this.#rows.remove(this.row.id));
  }

  async #end(work: () => Promise<void>): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    try {
      await work();
    } finally {
      this.#rows.free(this.row.id);
    }
  }
}
