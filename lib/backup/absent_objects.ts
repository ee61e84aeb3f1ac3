/**
 * Objects of a backup that the store has deleted on purpose. Backups in one
 * place are numbered in the order of their making, and each such object is
 * noted with the number of the first backup made without it. When every backup
 * that is kept has that number or a higher one, none needs the object. Names of
 * backups are times, and clocks can be set back, so they say nothing about the
 * order.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { readObject } from "./objects.ts";

/** What is noted in one place of backups. */
export interface AbsentObjects {
  /** Numbers of backups by their names. */
  readonly backups: ReadonlyMap<string, number>;
  /** Numbers of the first backups made without an object, by its key. */
  readonly objects: ReadonlyMap<string, number>;
}

const KEY = "backups/absent.json";
const MAX_BYTES = 64 * 1024 * 1024;

/** More stay in the backup. */
const MAX_OBJECTS = 100_000;

const numbers = z.array(z.tuple([z.string(), z.int().positive()]));
const schema = z.strictObject({
  format: z.literal(2),
  backups: numbers,
  objects: numbers.max(MAX_OBJECTS),
});

/** Reads what earlier backups noted. Throws AppError `INVALID_REQUEST` when it cannot be understood. */
export async function readAbsent(target: BlobStore): Promise<AbsentObjects> {
  const nothing = { backups: new Map(), objects: new Map() };
  const bytes = await readObject(target, KEY, MAX_BYTES);
  if (bytes === undefined) return nothing;
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    // The first format also noted objects that the store had lost by accident.
    if (Array.isArray(json)) return nothing;
    const { backups, objects } = schema.parse(json);
    return { backups: new Map(backups), objects: new Map(objects) };
  } catch (cause) {
    throw new AppError(
      "INVALID_REQUEST",
      `${KEY} in the place of backups is damaged. Delete it; blobs that the store does not have any more are then kept for longer.`,
      { cause },
    );
  }
}

/**
 * The last of `ids`, which are in the order of their making; undefined when it
 * is not known what that backup was made without.
 */
export function lastMade(
  { backups }: AbsentObjects,
  ids: readonly string[],
): string | undefined {
  return ids.findLast((id) => backups.has(id));
}

/**
 * The notes with the backup `id`, which is made without `deleted`, and without
 * backups that are not among `ids`. An object that is not in `deleted` is
 * needed by this backup and not noted any more.
 */
export function noteAbsent(
  before: AbsentObjects,
  { id, ids, deleted }: {
    readonly id: string;
    readonly ids: readonly string[];
    readonly deleted: readonly string[];
  },
): AbsentObjects {
  // The backup that was made last is always numbered, also an incomplete one.
  const number = Math.max(0, ...before.backups.values()) + 1;
  const known = deleted.filter((key) => before.objects.has(key));
  const fresh = deleted.filter((key) => !before.objects.has(key));
  return {
    backups: new Map([
      ...[...before.backups].filter(([other]) => ids.includes(other)),
      [id, number],
    ]),
    objects: new Map(
      [...known, ...fresh].slice(0, MAX_OBJECTS)
        .map((key) => [key, before.objects.get(key) ?? number]),
    ),
  };
}

/** Writes the notes; has to come before the manifest of the backup. */
export async function writeAbsent(
  target: BlobStore,
  { backups, objects }: AbsentObjects,
): Promise<void> {
  const json = { format: 2, backups: [...backups], objects: [...objects] };
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  await target.put(KEY, bytes, { contentType: "application/json" });
}

/** Deletes objects that no backup of `ids` needs; returns how many. */
export async function deleteUnneeded(
  target: BlobStore,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  const { backups, objects } = await readAbsent(target);
  // A backup that is not numbered may need every object.
  const oldest = Math.min(...ids.map((id) => backups.get(id) ?? 0));
  const left = new Map(objects);
  for (const [key, since] of objects) {
    if (since > oldest) continue;
    await target.delete(key);
    left.delete(key);
  }
  const deleted = objects.size - left.size;
  if (deleted > 0) await writeAbsent(target, { backups, objects: left });
  return deleted;
}
