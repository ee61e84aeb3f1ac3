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
    const { work, hashes, clock, writer } = this.#deps;
    const { uploadId } = upload;
    return await work.locked(upload, async (lock, open) => {
      const { row } = lock;
      if (row.mode === "parts") throw mixedModes();
      if (row.offset !== offset) throw wrongOffset(offset, row.offset);
      const limit = await work.limit(row.caller);
      const hash = hashes.of(row)?.copy();
      const intake = new Intake({
        body,
        hash,
        clock,
        limit: (bytes) => limit(offset + bytes),
        guard: () => {
          if (!lock.held) throw busyUpload(uploadId);
        },
        signal,
      });
      const staged = await work.receive(
        intake,
        lock,
        () => writer.write(this.#tailKey(uploadId), row, intake, open),
      );
      const { multipart, partCount, tail } = staged;
      await lock.release({
        mode: "stream",
        multipart,
        partCount,
        tail,
        offset: staged.offset,
      });
      if (hash) hashes.keep(row, staged.offset, hash);
      if (row.tail && row.tail.key !== tail?.key) {
        await this.#forget(row.tail.key);
      }
      return { offset: staged.offset };
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
