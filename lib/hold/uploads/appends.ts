/**
 * Appends the bytes of one request to an upload.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { PartWriter, TailKey } from "./part_writer.ts";
import { busyUpload, mixedModes, wrongOffset } from "./upload_errors.ts";
import type { LiveHashes } from "./upload_hash.ts";
import { Intake } from "./upload_intake.ts";
import type { UploadRef } from "./upload_row.ts";
import type { UploadWork } from "./upload_work.ts";

/** What {@linkcode Appends} needs. */
export interface AppendsDeps {
  store: BlobStore;
  keys: StorageKeys;
  clock: Clock;
  log: Logger;
  work: UploadWork;
  writer: PartWriter;
  hashes: LiveHashes;
  /** How long an upload may lie untouched, in milliseconds. */
  ttlMs: number;
}

/** Appends to uploads. */
export class Appends {
  readonly #deps: AppendsDeps;

  constructor(deps: AppendsDeps) {
    this.#deps = deps;
  }

  /** Appends `body` at `offset`; see `HoldUploads.append`. */
  async append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<{ offset: number }> {
    const { work, hashes, clock, writer, ttlMs } = this.#deps;
    const { uploadId } = upload;
    return await work.locked(upload, async (lock, open) => {
      const { row } = lock;
      if (row.mode === "parts") throw mixedModes();
      if (row.offset !== offset) throw wrongOffset(offset, row.offset);
      const before = { bytes: row.offset, until: row.expiresAt };
      const request = { uploadId, caller: row.caller };
      const end = await work.within(request, async (room) => {
        const hash = hashes.of(row)?.copy();
        const intake = new Intake({
          body,
          hash,
          clock,
          limit: (bytes) => work.need(room, offset + bytes),
          guard: () => {
            if (!lock.held) throw busyUpload(uploadId);
          },
          signal,
        });
        const staged = await work.receive(
          intake,
          { lock, room },
          () => writer.write(this.#tailKey(uploadId), row, intake, open),
        );
        const { multipart, partCount, tail } = staged;
        await room.keep(staged.offset, clock.now() + ttlMs);
        await lock.release({
          mode: "stream",
          multipart,
          partCount,
          tail,
          offset: staged.offset,
        });
        if (hash) hashes.keep(row, staged.offset, hash);
        return staged;
      }, before);
      if (row.tail && row.tail.key !== end.tail?.key) {
        await this.#forget(row.tail.key);
      }
      return { offset: end.offset };
    });
  }

  async #forget(key: string): Promise<void> {
    try {
      await this.#deps.store.delete(key);
    } catch (cause) {
      const { log } = this.#deps;
      log.warn("upload leftover stays until the sweep", { key, cause });
    }
  }

  /** Two requests that begin an upload at once may not share a tail. */
  #tailKey(uploadId: string): TailKey {
    const { keys } = this.#deps;
    return (offset) =>
      keys.upload(`${uploadId}_${offset}_${crypto.randomUUID()}`);
  }
}
