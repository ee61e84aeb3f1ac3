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
  lastMade,
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
import { namedBefore, NamedObjects, type NameOf } from "./named_objects.ts";
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
  /** Tells which objects the rows name. */
  readonly nameOf: NameOf;
  readonly secretKeyId: string;
  readonly secret: SealedSecret | undefined;
}

/** Options of {@linkcode backUp}. */
export interface BackupOptions {
  readonly signal?: AbortSignal;
  readonly onRows?: (rows: number) => void;
  readonly onObjects?: (report: SyncReport) => void;
}

/** What was backed up. */
export interface BackupResult {
  readonly manifest: BackupManifest;
  readonly objects: SyncReport;
  /** Keys of objects that the rows name and the store does not have; they stay in the backup. */
  readonly lost: readonly string[];
}

/** Writes a backup. Objects that an earlier one in the same place has are not copied again. */
export async function backUp(
  deps: BackupDeps,
  options: BackupOptions = {},
): Promise<BackupResult> {
  const { clock, target, nameOf } = deps;
  const at = clock.now();
  const id = backupId(at, await listBackups(target));
  const named = new NamedObjects(nameOf);
  const rows = named.collect(deps.rows);
  const pieces = await writeRows(target, piecesPrefix(id), rows, {
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onRows ? { progress: options.onRows } : {}),
  });
  const { objects, lost } = await backUpObjects(deps, options, { id, named });
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
  return { manifest, objects, lost };
}

/** Copies the new objects, and notes those that were deleted since the backup before. */
async function backUpObjects(
  { store, target, prefixes, nameOf }: BackupDeps,
  { signal, onObjects }: BackupOptions,
  { id, named }: { id: string; named: NamedObjects },
): Promise<Pick<BackupResult, "objects" | "lost">> {
  const before = await readAbsent(target);
  const ids = await listBackups(target);
  if (!store) {
    // It needs no objects, so none of those that were noted.
    const deleted = [...before.objects.keys()];
    await writeAbsent(target, noteAbsent(before, { id, ids, deleted }));
    const objects = { present: 0, copied: 0, bytes: 0, damaged: [] };
    return { objects, lost: [] };
  }
  const absent: string[] = [];
  const objects = await syncObjects(store, target, {
    prefixes,
    onAbsent: (key) => absent.push(key),
    onFound: (key) => named.found(key),
    ...(signal ? { signal } : {}),
    ...(onObjects ? { progress: onObjects } : {}),
  });
  // Nothing at all was found where everything was lost, the rows as well.
  const isEmpty = objects.present + objects.copied === 0;
  const unnamed = isEmpty ? [] : absent.filter((key) => !named.isMissing(key));
  const known = unnamed.filter((key) => before.objects.has(key));
  const fresh = unnamed.filter((key) => !before.objects.has(key));
  const last = lastMade(before, ids);
  // Rows never named some objects, as those of an adopted bucket; they stay.
  const deleted = last === undefined || fresh.length === 0
    ? known
    : [...known, ...await namedBefore(target, last, fresh, nameOf)];
  await writeAbsent(target, noteAbsent(before, { id, ids, deleted }));
  return { objects, lost: named.lost() };
}

/**
 * Deletes all backups but `made` and the newest others, `keep` together, and
 * the objects that only they need. Returns how many of each.
 */
export async function pruneBackups(
  target: BlobStore,
  keep: number,
  made: string,
): Promise<{ backups: number; objects: number }> {
  const others = (await listBackups(target)).filter((id) => id !== made);
  const old = others.slice(0, Math.max(0, others.length - (keep - 1)));
  for (const id of old) await deleteBackup(target, id);
  const kept = others.slice(old.length);
  return {
    backups: old.length,
    objects: await deleteUnneeded(target, [...kept, made]),
  };
}
