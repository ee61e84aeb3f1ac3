/**
 * Removes abandoned uploads: expired rows with their bytes, and bytes in the
 * store without a row.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { UploadRow } from "./upload_row.ts";
import type { UploadRows } from "./upload_rows.ts";

export interface SweepDeps {
  store: BlobStore;
  keys: StorageKeys;
  uploads: UploadRows;
  clock: Clock;
  log: Logger;
  /** Bytes without a row are removed when older than this and than a day, in milliseconds. */
  ttlMs: number;
  /** Deletes the bytes of an upload. */
  discard: (row: UploadRow) => Promise<void>;
}

/** Maximum duration of a request with bytes, in milliseconds. */
const LONGEST_REQUEST_MS = 24 * 3_600_000;

/**
 * Sweeps once and returns how many items were removed. Failures are logged and
 * left for the next sweep. Concurrent sweeps are safe.
 */
export async function sweepUploads(deps: SweepDeps): Promise<number> {
  const { store, keys, uploads, clock, log, ttlMs } = deps;
  let removed = 0;
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
      removed++;
    } catch (error) {
      log.warn("upload leftover not removed", { what, error });
    }
  };

  for await (const row of uploads.expired()) {
    // Only the row of a finished upload is left.
    if (row.done) await uploads.remove(row.id);
    else {
      await attempt(row.id, async () => {
        await deps.discard(row);
        await uploads.remove(row.id);
      });
    }
  }

  // The first request of an upload has no row yet, however long it takes.
  const old = clock.now() - Math.max(ttlMs, LONGEST_REQUEST_MS);
  const orphaned = async (key: string, time: number) =>
    time <= old && !await uploads.find(uploadIdOf(keys, key));
  for await (
    const { upload, startedAt } of store.listMultiparts(keys.uploads)
  ) {
    if (!await orphaned(upload.key, startedAt)) continue;
    await attempt(upload.key, () => store.abortMultipart(upload));
  }
  for await (const { key, info } of store.list(keys.uploads)) {
    if (!await orphaned(key, info.modifiedAt)) continue;
    await attempt(key, () => store.delete(key));
  }
  if (removed > 0) log.info("uploads swept", { removed });
  return removed;
}

/** The upload that an object below the uploads' prefix belongs to. */
function uploadIdOf(keys: StorageKeys, key: string): string {
  return key.slice(keys.uploads.length).split(/[/_]/, 1)[0] ?? "";
}
