/**
 * Objects of a backup that the store does not have any more. Each is noted with
 * the first backup that did without it; when all backups before that one are
 * deleted, none needs the object.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { readObject } from "./objects.ts";

/** Names of backups by the keys of objects. */
export type AbsentObjects = Map<string, string>;

const KEY = "backups/absent.json";
const MAX_BYTES = 64 * 1024 * 1024;

/** More are noted by later backups, when these are gone. */
const MAX_OBJECTS = 100_000;

const schema = z.array(z.tuple([z.string(), z.string()])).max(MAX_OBJECTS);

/** Reads what earlier backups noted. Throws AppError `INVALID_REQUEST` when it cannot be understood. */
export async function readAbsent(target: BlobStore): Promise<AbsentObjects> {
  const bytes = await readObject(target, KEY, MAX_BYTES);
  if (bytes === undefined) return new Map();
  try {
    return new Map(schema.parse(JSON.parse(new TextDecoder().decode(bytes))));
  } catch (cause) {
    throw new AppError(
      "INVALID_REQUEST",
      `${KEY} in the place of backups is damaged. Delete it; blobs that the store does not have any more are then kept for longer.`,
      { cause },
    );
  }
}

/**
 * The objects that the backup `id` did not find in the store, given what
 * earlier ones noted. Objects that are there again are not noted any more.
 */
export function noteAbsent(
  before: AbsentObjects,
  keys: readonly string[],
  id: string,
): AbsentObjects {
  const known = keys.filter((key) => before.has(key));
  const fresh = keys.filter((key) => !before.has(key));
  return new Map(
    [...known, ...fresh].slice(0, MAX_OBJECTS)
      .map((key) => [key, before.get(key) ?? id]),
  );
}

/** Writes the notes; has to come before the manifest of the backup. */
export async function writeAbsent(
  target: BlobStore,
  absent: AbsentObjects,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify([...absent]));
  await target.put(KEY, bytes, { contentType: "application/json" });
}

/** Deletes objects that no backup of `ids` needs; returns how many. */
export async function deleteUnneeded(
  target: BlobStore,
  ids: readonly string[],
): Promise<number> {
  const absent = await readAbsent(target);
  const oldest = ids.toSorted()[0];
  const unneeded = [...absent]
    .filter(([, since]) => oldest !== undefined && oldest >= since)
    .map(([key]) => key);
  for (const key of unneeded) {
    await target.delete(key);
    absent.delete(key);
  }
  if (unneeded.length > 0) await writeAbsent(target, absent);
  return unneeded.length;
}
