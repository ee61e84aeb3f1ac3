/**
 * The right of one request to work on one upload.
 *
 * @module
 */

import type { UploadChange, UploadRow } from "./upload_row.ts";

/** What a lock needs of the rows. */
export interface LockedRows {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Extends a lock; undefined when it was lost. */
  renew(id: string, token: string): Promise<number | undefined>;
  /** Gives a lock back and applies `changes`. */
  release(id: string, token: string, changes: UploadChange): Promise<void>;
  /** Writes a row that nobody else may have written. */
  insert(row: UploadRow): Promise<void>;
  remove(id: string): Promise<void>;
  /** Ends the work of this process on an upload. */
  free(id: string): void;
}

/** Made by `UploadStates.lock` only. */
export class UploadLock {
  readonly #rows: LockedRows;
  /** As it stands in the row; undefined while the upload has no row. */
  readonly #lock: { token: string; until: number } | undefined;
  #until: number;
  #released = false;
  /** The row as it was when the lock was taken. */
  readonly row: UploadRow;

  constructor(
    rows: LockedRows,
    row: UploadRow,
    lock: { token: string; until: number } | undefined,
  ) {
    this.#rows = rows;
    this.row = row;
    this.#lock = lock;
    // Nobody can take what has no row; who is later finds out at the end.
    this.#until = lock?.until ?? Infinity;
  }

  /** Whether nobody else can have taken the upload yet. */
  get held(): boolean {
    return this.#rows.now() < this.#until;
  }

  /** Extends the lock; after a failure {@linkcode held} turns false in time. */
  async renew(): Promise<void> {
    if (!this.#lock) return;
    const until = await this.#rows.renew(this.row.id, this.#lock.token);
    if (until !== undefined) this.#until = until;
  }

  /**
   * Ends the work and applies `changes`. A second call does nothing. Throws
   * AppError `BLOB_UPLOAD_UNKNOWN` or `CONFLICT` when the upload was aborted
   * or taken over meanwhile; nothing is changed then.
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

  /** Ends the work and forgets the upload. */
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
