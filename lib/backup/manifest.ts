/**
 * The manifest of a backup, written last: what it names is complete.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { readAbsent } from "./absent_objects.ts";
import { readObject } from "./objects.ts";

const count = z.int().nonnegative();
const text = z.string().max(10_000);

/** A piece of the rows: gzip of rows, each behind its length. */
const pieceSchema = z.strictObject({
  key: text,
  /** SHA-256 of the object, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rows: count,
});

const sealedSecretSchema = z.strictObject({
  kdf: z.literal("scrypt"),
  salt: text,
  iv: text,
  data: text,
});

const manifestSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(/^\d{8}T\d{6}Z$/),
  /** Moment of the rows, in milliseconds since the Unix epoch. */
  at: count,
  /** Schema version of the rows. */
  schema: count,
  rows: count,
  pieces: z.array(pieceSchema).max(1_000_000),
  /** Objects of the store at the end of the backup. */
  objects: count,
  /** Names the secret key that the rows are encrypted with. */
  secretKeyId: text,
  /** The secret key, encrypted with the passphrase; absent without one. */
  secret: sealedSecretSchema.optional(),
});

/** Describes one backup. */
export type BackupManifest = z.infer<typeof manifestSchema>;

/** A piece of the rows of a backup. */
export type RowPiece = z.infer<typeof pieceSchema>;

/** A secret key, encrypted with a passphrase. */
export type SealedSecret = z.infer<typeof sealedSecretSchema>;

const MANIFESTS = "backups/";
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/**
 * Name of a backup begun at `now`, in milliseconds since the Unix epoch: its
 * second in UTC, or the first one after it that is not among `ids`.
 */
export function backupId(now: number, ids: readonly string[]): string {
  const id = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  return ids.includes(id) ? backupId(now + 1_000, ids) : id;
}

/** Prefix of the pieces of rows. */
export function piecesPrefix(id: string): string {
  return `rows/${id}/`;
}

/** Writes the manifest. */
export async function putManifest(
  target: BlobStore,
  manifest: BackupManifest,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest, null, 1));
  await target.put(manifestKey(manifest.id), bytes, {
    contentType: "application/json",
  });
}

/**
 * Names of all complete backups in the order of their making, oldest first:
 * names are times, and clocks are set back, so the numbers that were noted
 * count. Backups without one come first, by their names. Throws AppError
 * `INVALID_REQUEST` when the notes are damaged.
 */
export async function listBackups(target: BlobStore): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of target.list(MANIFESTS)) {
    const id = /^backups\/(\d{8}T\d{6}Z)\.json$/.exec(key)?.[1];
    if (id !== undefined) ids.push(id);
  }
  const { backups } = await readAbsent(target);
  const numberOf = (id: string) => backups.get(id) ?? 0;
  return ids.toSorted().toSorted((a, b) => numberOf(a) - numberOf(b));
}

/**
 * Reads the manifest of `id`, or of the backup made last. Throws AppError
 * `NOT_FOUND` when there is none, `INVALID_REQUEST` when it cannot be
 * understood.
 */
export async function getManifest(
  target: BlobStore,
  id: string | undefined,
): Promise<BackupManifest> {
  const wanted = id ?? (await listBackups(target)).at(-1);
  const bytes = wanted === undefined
    ? undefined
    : await readObject(target, manifestKey(wanted), MAX_MANIFEST_BYTES);
  if (bytes === undefined) {
    throw new AppError("NOT_FOUND", `There is no backup ${wanted ?? "there"}.`);
  }
  const parsed = manifestSchema.safeParse(
    JSON.parse(new TextDecoder().decode(bytes)),
  );
  if (parsed.success) return parsed.data;
  throw new AppError(
    "INVALID_REQUEST",
    `The backup ${wanted} cannot be read by this version: ${
      z.prettifyError(parsed.error).slice(0, 300)
    }`,
  );
}

/** Deletes manifest and rows of a backup; its objects stay, others may need them. */
export async function deleteBackup(
  target: BlobStore,
  id: string,
): Promise<void> {
  await target.delete(manifestKey(id));
  const keys: string[] = [];
  for await (const { key } of target.list(piecesPrefix(id))) keys.push(key);
  for (const key of keys) await target.delete(key);
}

function manifestKey(id: string): string {
  return `${MANIFESTS}${id}.json`;
}
