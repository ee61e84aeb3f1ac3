/**
 * Work of a request on an upload: acquires lock and quota reservation, renews
 * both meanwhile, aborts a stalled client, and appends bytes.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore, Multipart } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { QuotaRooms, RoomRequest, UploadRoom } from "../quota/rooms.ts";
import { droppedKeys } from "./tails.ts";
import type { PartWriter } from "./part_writer.ts";
import {
  busyUpload,
  mixedModes,
  tooLarge,
  unknownUpload,
  wrongOffset,
} from "./upload_errors.ts";
import { BodyReader, type LiveHashes } from "./body_reader.ts";
import { LOCK_MS, type UploadLock, type UploadRows } from "./upload_rows.ts";

export interface UploadWorkDeps {
  uploads: UploadRows;
  store: BlobStore;
  keys: StorageKeys;
  clock: Clock;
  log: Logger;
  quota: QuotaRooms;
  writer: PartWriter;
  hashes: LiveHashes;
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
  /** Largest blob in bytes. */
  maxBlobBytes: number;
  /** A request without bytes for this time is aborted, in milliseconds. */
  stallMs: number;
}

/** Ends the watch over a request. Without a reason, `abort` makes an error with its stack each time. */
const OVER = "over";

/** Nothing was reserved before. */
const NOTHING = { bytes: 0, until: 0 };

/** Resources held by a running request. */
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

  /** Appends `body` at `offset`; see `HoldUploads.append`. */
  async append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<{ offset: number }> {
    const { hashes, clock, writer, ttlMs } = this.#deps;
    const { uploadId } = upload;
    return await this.locked(upload, async (lock, open) => {
      const { row } = lock;
      if (row.mode === "parts") throw mixedModes();
      if (row.offset !== offset) throw wrongOffset(offset, row.offset);
      const before = { bytes: row.offset, until: row.expiresAt };
      const request = { uploadId, caller: row.caller };
      const end = await this.within(request, async (room) => {
        const hash = hashes.of(row)?.copy();
        const reader = new BodyReader({
          body,
          hash,
          clock,
          limit: (bytes) => this.need(room, offset + bytes),
          guard: () => {
            if (!lock.held) throw busyUpload(uploadId);
          },
          signal,
        });
        const { multipart, partCount, tail, offset: staged } = await this
          .receive(
            reader,
            { lock, room },
            () => writer.write(row, reader, open),
          );
        await room.keep(staged, clock.now() + ttlMs);
        await lock.release({
          mode: "stream",
          multipart,
          partCount,
          tail,
          offset: staged,
        });
        if (hash) hashes.keep(row, staged, hash);
        return { offset: staged, tail };
      }, before);
      if (row.tail) await this.#forget(droppedKeys(row.tail, end.tail));
      return { offset: end.offset };
    });
  }

  async #forget(keys: readonly string[]): Promise<void> {
    const { store, log } = this.#deps;
    for (const key of keys) {
      await store.delete(key).catch((cause) =>
        log.warn("upload leftover stays until the sweep", { key, cause })
      );
    }
  }

  /** Throws AppError `TOO_LARGE` when a blob may not have this size. */
  requireSize(bytes: number): void {
    const { maxBlobBytes } = this.#deps;
    if (bytes > maxBlobBytes) throw tooLarge(maxBlobBytes);
  }

  /**
   * Ensures that a blob may have `bytes` bytes, and reserves them in `room`.
   * Throws AppError `TOO_LARGE` or `QUOTA_EXCEEDED`.
   */
  need(room: UploadRoom, bytes: number): Promise<void> | undefined {
    this.requireSize(bytes);
    return room.need(bytes);
  }

  /**
   * Runs `work` with a reservation; `work` calls `keep` for the part that stays
   * reserved. On failure that is what was reserved `before`.
   */
  async within<T>(
    request: RoomRequest,
    work: (room: UploadRoom) => Promise<T>,
    before: { bytes: number; until: number } | "keep" = NOTHING,
  ): Promise<T> {
    const room = await this.#deps.quota.open(request);
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
   * is kept for the next request, unless it has no acknowledged bytes.
   */
  async locked<T>(
    upload: string | UploadRef,
    work: (lock: UploadLock, open: () => Promise<Multipart>) => Promise<T>,
  ): Promise<T> {
    const lock = await this.#deps.uploads.lock(upload);
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

  /** Deletes unacknowledged bytes: they may have filled the disk. */
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
   * Runs `work`, which reads `reader` to its end, renews `lock` and `room`
   * meanwhile and aborts a stalled request. A failure of the client is thrown
   * as such, instead of the store's error.
   */
  async receive<T>(
    reader: BodyReader,
    kept: Kept,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await this.renewing(kept, work, reader);
    } catch (error) {
      throw reader.failure ?? error;
    } finally {
      reader.close();
    }
  }

  /** Runs `work`, renews lock and room meanwhile and aborts a stalled `reader`. */
  async renewing<T>(
    kept: Kept,
    work: () => Promise<T>,
    reader?: BodyReader,
  ): Promise<T> {
    const over = new AbortController();
    const ticking = this.#tick(over.signal, kept, reader);
    try {
      return await work();
    } finally {
      over.abort(OVER);
      await ticking;
    }
  }

  async #tick(
    over: AbortSignal,
    { lock, room }: Kept,
    reader: BodyReader | undefined,
  ): Promise<void> {
    const { clock, log, stallMs } = this.#deps;
    for (;;) {
      await clock.sleep(LOCK_MS / 3, over);
      if (over.aborted) return;
      reader?.stopIfStalled(stallMs);
      try {
        await lock?.renew();
        await room.renew();
      } catch (cause) {
        // The guard aborts the request when the lock has actually expired.
        log.warn("upload lock not renewed", { uploadId: lock?.row.id, cause });
      }
    }
  }
}
