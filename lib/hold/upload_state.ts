/**
 * The state of uploads in KV, and the lock that lets one request at a time
 * work on an upload, whichever instance it reaches.
 *
 * @module
 */

import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";
import type { Multipart } from "../storage/blob_store.ts";
import { holdKeys } from "./keys.ts";
import { busyUpload, unknownUpload } from "./upload_errors.ts";

/** Bytes at the end of an upload that are too few for a part of their own. */
export interface Tail {
  /** Where they lie in the store. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** One upload, as any instance needs it to go on. */
export interface UploadRow {
  readonly id: string;
  /** Who opened it; nobody else may touch it. */
  readonly caller: Did;
  /** Hash that runs while bytes come in; the closing digest may use another. */
  readonly algorithm: DigestAlgorithm;
  /** Lets its bearer write parts without a service token. */
  readonly ticket: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** When the upload is swept, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** How bytes come: in one stream, or as numbered parts; undefined before the first. */
  readonly mode: "stream" | "parts" | undefined;
  /** The store's upload, once there are bytes for it. */
  readonly multipart: Multipart | undefined;
  /** Parts that count; the store may have later ones from a stream that broke. */
  readonly partCount: number;
  /** Bytes acknowledged, in stream mode. */
  readonly offset: number;
  readonly tail: Tail | undefined;
  /** The request that works on it now. */
  readonly lock: { token: string; until: number } | undefined;
  /** Set when it is complete; kept for a while so that completing again succeeds. */
  readonly done: { digest: Digest; size: number } | undefined;
}

/** Changes to a row; the rest stays. */
export type UploadChange = Partial<
  Pick<
    UploadRow,
    "mode" | "multipart" | "partCount" | "offset" | "tail" | "done"
  >
>;

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
export class UploadStates {
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

  /** Starts an upload. */
  async create(caller: Did, algorithm: DigestAlgorithm): Promise<UploadRow> {
    const now = this.#clock.now();
    const row: UploadRow = {
      id: crypto.randomUUID(),
      caller,
      algorithm,
      ticket: crypto.randomUUID(),
      startedAt: now,
      expiresAt: now + this.#ttlMs,
      mode: undefined,
      multipart: undefined,
      partCount: 0,
      offset: 0,
      tail: undefined,
      lock: undefined,
      done: undefined,
    };
    await this.#kv.set(holdKeys.upload(row.id), row, {
      expiresAt: row.expiresAt + BACKSTOP_MS,
    });
    return row;
  }

  /** The row, unless it has expired; `id` may be any text. */
  async find(id: string): Promise<UploadRow | undefined> {
    return (await this.#entry(id))?.value;
  }

  /**
   * Takes the upload for one request. Throws AppError `BLOB_UPLOAD_UNKNOWN`
   * when there is none, `CONFLICT` when another request works on it.
   */
  async lock(id: string): Promise<UploadLock> {
    if (this.#working.has(id)) throw busyUpload(id);
    this.#working.add(id);
    try {
      const entry = await this.#entry(id);
      if (!entry) throw unknownUpload();
      const now = this.#clock.now();
      const { value } = entry;
      if (value.lock && value.lock.until > now) throw busyUpload(id);
      const token = crypto.randomUUID();
      const row = { ...value, lock: { token, until: now + LOCK_MS } };
      if (!await this.#swap(row, entry.versionstamp)) throw busyUpload(id);
      return new UploadLock(this, row, token, now + LOCK_MS);
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

  /** Forgets an upload that this process has locked. For {@linkcode UploadLock}. */
  async removeLocked(id: string): Promise<void> {
    try {
      await this.remove(id);
    } finally {
      this.#working.delete(id);
    }
  }

  /** All rows, expired ones included. */
  async *all(): AsyncIterableIterator<UploadRow> {
    const rows = this.#kv.list<UploadRow>({ prefix: holdKeys.uploads });
    for await (const { value } of rows) yield value;
  }

  /** Extends a lock. False when it was lost. For {@linkcode UploadLock}. */
  async renew(id: string, token: string): Promise<number | undefined> {
    const entry = await this.#entry(id);
    if (entry?.value.lock?.token !== token) return undefined;
    const until = this.#clock.now() + LOCK_MS;
    const row = this.#touched({ ...entry.value, lock: { token, until } });
    return await this.#swap(row, entry.versionstamp) ? until : undefined;
  }

  /** Gives a lock back and applies `changes`. For {@linkcode UploadLock}. */
  async release(
    id: string,
    token: string,
    changes: UploadChange,
  ): Promise<UploadRow> {
    try {
      const entry = await this.#entry(id);
      if (!entry) throw unknownUpload();
      if (entry.value.lock?.token !== token) throw busyUpload(id);
      const row = this.#touched({
        ...entry.value,
        ...changes,
        lock: undefined,
      });
      if (!await this.#swap(row, entry.versionstamp)) throw busyUpload(id);
      return row;
    } finally {
      this.#working.delete(id);
    }
  }

  /** Milliseconds since the Unix epoch. */
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

  #swap(row: UploadRow, versionstamp: string): Promise<boolean> {
    const key = holdKeys.upload(row.id);
    return this.#kv.atomic().check(key, versionstamp).set(key, row, {
      expiresAt: row.expiresAt + BACKSTOP_MS,
    }).commit();
  }
}

/** The right of one request to work on one upload. */
export class UploadLock {
  readonly #states: UploadStates;
  readonly #token: string;
  #until: number;
  #released = false;
  /** The row as it was when the lock was taken. */
  readonly row: UploadRow;

  /** Made by {@linkcode UploadStates.lock} only. */
  constructor(
    states: UploadStates,
    row: UploadRow,
    token: string,
    until: number,
  ) {
    this.#states = states;
    this.row = row;
    this.#token = token;
    this.#until = until;
  }

  /** Whether nobody else can have taken the upload yet. */
  get held(): boolean {
    return this.#states.now() < this.#until;
  }

  /** Extends the lock; after a failure {@linkcode held} turns false in time. */
  async renew(): Promise<void> {
    const until = await this.#states.renew(this.row.id, this.#token);
    if (until !== undefined) this.#until = until;
  }

  /**
   * Ends the work and applies `changes`. A second call does nothing. Throws
   * AppError `BLOB_UPLOAD_UNKNOWN` or `CONFLICT` when the upload was aborted
   * or taken over meanwhile; nothing is changed then.
   */
  async release(changes: UploadChange = {}): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#states.release(this.row.id, this.#token, changes);
  }

  /** Ends the work and forgets the upload. */
  async remove(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#states.removeLocked(this.row.id);
  }
}
