/**
 * Copies the objects of one store that another does not have. Objects are
 * immutable, so that size and key suffice to know one.
 *
 * @module
 */

import type { BlobStore } from "../storage/blob_store.ts";
import { copyObject } from "./objects.ts";

/** What was done. */
export interface SyncReport {
  /** Objects that were there already. */
  present: number;
  copied: number;
  /** Bytes copied. */
  bytes: number;
  /** Keys of objects whose bytes do not have the digest of their name; not copied. */
  damaged: string[];
}

/** Options of {@linkcode syncObjects}. */
export interface SyncOptions {
  readonly prefixes: readonly string[];
  readonly signal?: AbortSignal;
  /** Called for each object that `from` has. */
  readonly onFound?: (key: string) => void;
  /** Called for each object of `to` that `from` does not have. */
  readonly onAbsent?: (key: string) => void;
  /** Called after each object that was copied. */
  readonly progress?: (report: SyncReport) => void;
}

/** Copies at once. */
const CONCURRENCY = 4;

/** Makes every object below the prefixes that `from` has exist in `to`. Deletes nothing. */
export async function syncObjects(
  from: BlobStore,
  to: BlobStore,
  options: SyncOptions,
): Promise<SyncReport> {
  const { prefixes, signal, progress } = options;
  const report: SyncReport = { present: 0, copied: 0, bytes: 0, damaged: [] };
  for (const prefix of prefixes) {
    const missing = missingObjects(from, to, prefix, report, options);
    const lane = async () => {
      for await (const { key, size } of missing) {
        signal?.throwIfAborted();
        const result = await copyObject(from, to, key);
        if (result === "damaged") report.damaged.push(key);
        if (result === "copied") {
          report.copied++;
          report.bytes += size;
        }
        progress?.(report);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  }
  return report;
}

/** Objects that `to` lacks or has in another size; both listings are in the order of keys. */
async function* missingObjects(
  from: BlobStore,
  to: BlobStore,
  prefix: string,
  report: SyncReport,
  { onAbsent, onFound }: SyncOptions,
): AsyncGenerator<{ key: string; size: number }> {
  const there = to.list(prefix);
  let other = await there.next();
  for await (const { key, info } of from.list(prefix)) {
    onFound?.(key);
    for (; !other.done && other.value.key < key; other = await there.next()) {
      onAbsent?.(other.value.key);
    }
    const found = !other.done && other.value.key === key
      ? other.value.info
      : undefined;
    if (found) other = await there.next();
    if (found?.size === info.size) report.present++;
    else yield { key, size: info.size };
  }
  for (; !other.done; other = await there.next()) onAbsent?.(other.value.key);
}
