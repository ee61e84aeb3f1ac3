/**
 * What surrounds the work on an upload: the lock and its renewal, the limits
 * on size, and requests that stall.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore, Multipart } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { tooLarge, unknownUpload } from "./upload_errors.ts";
import type { Intake } from "./upload_intake.ts";
import type { UploadLock } from "./upload_lock.ts";
import type {
  RoomRequest,
  UploadAllowance,
  UploadRoom,
} from "./upload_room.ts";
import type { UploadRef } from "./upload_row.ts";
import { LOCK_MS, type UploadStates } from "./upload_state.ts";

/** What {@linkcode UploadWork} needs. */
export interface UploadWorkDeps {
  states: UploadStates;
  store: BlobStore;
  keys: StorageKeys;
  clock: Clock;
  log: Logger;
  allowance: UploadAllowance;
  /** Largest blob in bytes. */
  maxBlobBytes: number;
  /** A request that brings no bytes for so long is ended, in milliseconds. */
  stallMs: number;
}

/** No bytes were reserved before. */
const NOTHING = { bytes: 0, until: 0 };

/** What a request holds while it runs. */
export interface Kept {
  readonly lock?: UploadLock;
  readonly room: UploadRoom;
}

/** Runs work on uploads. */
export class UploadWork {
  readonly #deps: UploadWorkDeps;

  constructor(deps: UploadWorkDeps) {
    this.#deps = deps;
  }

  /** Throws AppError `TOO_LARGE` when no blob may have so many bytes. */
  requireSize(bytes: number): void {
    const { maxBlobBytes } = this.#deps;
    if (bytes > maxBlobBytes) throw tooLarge(maxBlobBytes);
  }

  /** Makes sure that a blob may have, and `room` has, `bytes` bytes. Throws AppError `TOO_LARGE` or `QUOTA_EXCEEDED`. */
  need(room: UploadRoom, bytes: number): Promise<void> | undefined {
    this.requireSize(bytes);
    return room.need(bytes);
  }

  /**
   * Runs `work` with room for what it brings; `work` says with `keep` what of
   * it stays reserved. When it fails, that is what was reserved `before`.
   */
  async within<T>(
    request: RoomRequest,
    work: (room: UploadRoom) => Promise<T>,
    before: { bytes: number; until: number } | "keep" = NOTHING,
  ): Promise<T> {
    const room = await this.#deps.allowance.open(request);
    try {
      return await work(room);
    } catch (error) {
      if (before === "keep") throw error;
      try {
        if (before.bytes > 0) await room.keep(before.bytes, before.until);
        else await room.end();
      } catch (cause) {
        const { uploadId } = request;
        this.#deps.log.warn("reservation not ended", { uploadId, cause });
      }
      throw error;
    }
  }

  /** Opens the store's upload. */
  create(uploadId: string): Promise<Multipart> {
    const { store, keys } = this.#deps;
    return store.createMultipart(keys.upload(uploadId));
  }

  /**
   * Runs `work` with the upload locked; `work` releases the lock when it
   * succeeds. `open` opens the store's upload; when `work` fails, that upload
   * is kept for the next request, unless nothing in it counts.
   */
  async locked<T>(
    upload: string | UploadRef,
    work: (lock: UploadLock, open: () => Promise<Multipart>) => Promise<T>,
  ): Promise<T> {
    const lock = await this.#deps.states.lock(upload);
    const uploadId = lock.row.id;
    let multipart = lock.row.multipart;
    try {
      if (lock.row.done) throw unknownUpload();
      return await work(lock, async () => {
        multipart = await this.create(uploadId);
        return multipart;
      });
    } catch (error) {
      if (lock.row.mode === undefined) multipart = await this.#drop(multipart);
      try {
        await lock.release({ multipart });
      } catch (cause) {
        this.#deps.log.warn("upload lock not released", { uploadId, cause });
      }
      throw error;
    }
  }

  /** Drops bytes of which none was acknowledged: they may be what has filled the disk. */
  async #drop(
    multipart: Multipart | undefined,
  ): Promise<Multipart | undefined> {
    if (!multipart) return undefined;
    try {
      await this.#deps.store.abortMultipart(multipart);
      return undefined;
    } catch (cause) {
      const { log } = this.#deps;
      log.warn("upload leftover stays until the sweep", { multipart, cause });
      return multipart;
    }
  }

  /**
   * Runs `work`, which reads `intake` to its end, renews `lock` and `room` meanwhile and
   * ends a request that stalls. A failure of the client's side is thrown as
   * such, whatever the store made of it.
   */
  async receive<T>(
    intake: Intake,
    kept: Kept,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await this.renewing(kept, work, intake);
    } catch (error) {
      throw intake.failure ?? error;
    } finally {
      intake.close();
    }
  }

  /** Runs `work`, renews lock and room meanwhile and ends an `intake` that stalls. */
  async renewing<T>(
    kept: Kept,
    work: () => Promise<T>,
    intake?: Intake,
  ): Promise<T> {
    const over = new AbortController();
    const ticking = this.#tick(over.signal, kept, intake);
    try {
      return await work();
    } finally {
      over.abort();
      await ticking;
    }
  }

  async #tick(
    over: AbortSignal,
    { lock, room }: Kept,
    intake: Intake | undefined,
  ): Promise<void> {
    const { clock, log, stallMs } = this.#deps;
    for (;;) {
      await clock.sleep(LOCK_MS / 3, over);
      if (over.aborted) return;
      intake?.stopIfStalled(stallMs);
      try {
        await lock?.renew();
        await room.renew();
      } catch (cause) {
        // The guard ends the request when the lock has really lapsed.
        log.warn("upload lock not renewed", { uploadId: lock?.row.id, cause });
      }
    }
  }
}
