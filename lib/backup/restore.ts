/**
 * Restores a backup into an empty key-value store and a store of objects.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { copyStore } from "../kv/copying/copy.ts";
import { readOnlyKey } from "../kv/keys.ts";
import type { Key, Kv, StoredEntry } from "../kv/kv.ts";
import { encodeKey } from "../kv/postgres/key_bytes.ts";
import { SCHEMA_VERSION } from "../kv/operating/schema_version.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { BackupManifest } from "./manifest.ts";
import { syncObjects, type SyncReport } from "./object_sync.ts";
import { readRows } from "./row_pieces.ts";

export interface RestoreDeps {
  readonly kv: Kv;
  /** Undefined where no hold runs. */
  readonly store: BlobStore | undefined;
  /** Where the backup is. */
  readonly source: BlobStore;
  readonly prefixes: readonly string[];
}

/** Options of {@linkcode restore}. */
export interface RestoreOptions {
  readonly signal?: AbortSignal;
  readonly onRows?: (rows: number) => void;
  readonly onObjects?: (report: SyncReport) => void;
}

/**
 * Restores rows and objects; continues where it was interrupted. Throws
 * AppError `CONFLICT` when the key-value store holds something else,
 * `INVALID_REQUEST` when the backup is damaged or newer than this program.
 */
export async function restore(
  { kv, store, source, prefixes }: RestoreDeps,
  manifest: BackupManifest,
  options: RestoreOptions = {},
): Promise<{ rows: number; objects: SyncReport }> {
  if (manifest.schema > SCHEMA_VERSION) {
    throw new AppError(
      "INVALID_REQUEST",
      `The backup has rows of schema ${manifest.schema}, and this program reads up to ${SCHEMA_VERSION}. Restore it with the version that made it, or a newer one.`,
    );
  }
  const signal = options.signal ? { signal: options.signal } : {};
  const { onRows, onObjects } = options;
  const { rows } = await copyStore(entriesOf(source, manifest), kv, {
    ...signal,
    ...(onRows ? { progress: ({ rows }) => onRows(rows) } : {}),
  });
  // The backup may have been made in that mode.
  await kv.delete(readOnlyKey);
  const objects = store
    ? await syncObjects(source, store, {
      prefixes,
      ...signal,
      ...(onObjects ? { progress: onObjects } : {}),
    })
    : { present: 0, copied: 0, bytes: 0, damaged: [] };
  return { rows, objects };
}

function entriesOf(
  source: BlobStore,
  { pieces }: BackupManifest,
): Pick<Kv, "entries"> {
  return {
    entries: async function* ({ after }: { after?: Key } = {}) {
      const from = after && encodeKey(after);
      for await (const row of readRows(source, pieces)) {
        if (!from || encodeKey(row.key).compare(from) > 0) yield row;
      }
    } as (options?: { after?: Key }) => AsyncIterableIterator<StoredEntry>,
  };
}
