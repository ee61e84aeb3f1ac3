/**
 * Backs up rows and objects. Rows come first, from one moment; objects are only
 * ever added and stay for a week after they are hidden, so the backup has every
 * object that its rows name.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { StoredEntry } from "../kv/kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import {
  deleteUnneeded,
  noteAbsent,
  readAbsent,
  writeAbsent,
} from "./absent_objects.ts";
import {
  backupId,
  type BackupManifest,
  deleteBackup,
  listBackups,
  piecesPrefix,
  putManifest,
  type SealedSecret,
} from "./manifest.ts";
import { syncObjects, type SyncReport } from "./object_sync.ts";
import { writeRows } from "./row_pieces.ts";

export interface BackupDeps {
  readonly clock: Clock;
  /** Every row, of one moment. */
  readonly rows: AsyncIterable<StoredEntry>;
  /** Schema version of the rows. */
  readonly schema: number;
  /** The store of objects; undefined where no hold runs. */
  readonly store: BlobStore | undefined;
  /** Where the backup goes. */
  readonly target: BlobStore;
  /** Prefixes of the objects. */
  readonly prefixes: readonly string[];
  readonly secretKeyId: string;
  readonly secret: SealedSecret | undefined;
}

/** Options of {@linkcode backUp}. */
export interface BackupOptions {
  readonly signal?: AbortSignal;
  readonly onRows?: (rows: number) => void;
  readonly onObjects?: (report: SyncReport) => void;
}

/** Writes a backup. Objects that an earlier one in the same place has are not copied again. */
export async function backUp(
  deps: BackupDeps,
  options: BackupOptions = {},
): Promise<{ manifest: BackupManifest; objects: SyncReport }> {
  const { clock, target, store, prefixes } = deps;
  const at = clock.now();
  const id = backupId(at);
  const signal = options.signal ? { signal: options.signal } : {};
  const pieces = await writeRows(target, piecesPrefix(id), deps.rows, {
    ...signal,
    ...(options.onRows ? { progress: options.onRows } : {}),
  });
  const absent: string[] = [];
  const objects = store
    ? await syncObjects(store, target, {
      prefixes,
      onAbsent: (key) => absent.push(key),
      ...signal,
      ...(options.onObjects ? { progress: options.onObjects } : {}),
    })
    : { present: 0, copied: 0, bytes: 0, damaged: [] };
  if (store) {
    await writeAbsent(target, noteAbsent(await readAbsent(target), absent, id));
  }
  const manifest: BackupManifest = {
    format: 1,
    id,
    at,
    schema: deps.schema,
    rows: pieces.reduce((sum, { rows }) => sum + rows, 0),
    pieces,
    objects: objects.present + objects.copied,
    secretKeyId: deps.secretKeyId,
    ...(deps.secret ? { secret: deps.secret } : {}),
  };
  await putManifest(target, manifest);
  return { manifest, objects };
}

/**
 * Deletes all backups but the newest `keep`, and the objects that only they
 * need. Returns how many of each.
 */
export async function pruneBackups(
  target: BlobStore,
  keep: number,
): Promise<{ backups: number; objects: number }> {
  const all = await listBackups(target);
  const old = all.slice(0, -keep);
  for (const id of old) await deleteBackup(target, id);
  const objects = await deleteUnneeded(target, all.slice(-keep));
  return { backups: old.length, objects };
}
