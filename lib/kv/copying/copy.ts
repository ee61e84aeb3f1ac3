/**
 * Copies a whole store into another of any kind, with times of expiry. Progress
 * stands in the target, so that an interrupted copy continues.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import { copyKey, leaseKeys } from "../keys.ts";
import type { Key, Kv, StoredEntry } from "../kv.ts";
import { keySize } from "../limits.ts";
import { snapshot } from "../snapshot.ts";

/** What has been copied. */
export interface CopyProgress {
  readonly rows: number;
  /** Bytes of keys and values, as serialised. */
  readonly bytes: number;
}

/** Options of {@linkcode copyStore}. */
export interface CopyOptions {
  /** Called after each commit. */
  readonly progress?: (done: CopyProgress) => void;
  /** Ends the copy between two commits; the next one continues. */
  readonly signal?: AbortSignal;
}

/** How far a copy is. */
interface CopyRow extends CopyProgress {
  /** The last key that is in the target. */
  readonly after: Key;
}

/** What one commit takes; half of what every store allows. */
const BATCH = { rows: 500, bytes: 400_000, keyBytes: 40_000 };

/**
 * Copies every row of `from` that has not expired, but for leases, which belong
 * to processes. `from` must not be written meanwhile, and `to` must be empty or
 * hold what an interrupted copy has left. Throws AppError `CONFLICT` if it is
 * not, and the reason of `signal`.
 */
export async function copyStore(
  from: Pick<Kv, "entries">,
  to: Kv,
  { progress, signal }: CopyOptions = {},
): Promise<CopyProgress> {
  const begun = await to.get<CopyRow>(copyKey);
  if (!begun) await requireEmpty(to);
  let done: CopyRow = begun?.value ?? { rows: 0, bytes: 0, after: [] };
  let batch = new Batch();
  const flush = async () => {
    const { last } = batch;
    if (last === undefined) return;
    done = {
      rows: done.rows + batch.entries.length,
      bytes: done.bytes + batch.bytes,
      after: last,
    };
    await write(to, batch.entries, done);
    progress?.({ rows: done.rows, bytes: done.bytes });
    batch = new Batch();
    signal?.throwIfAborted();
  };
  const start = begun ? { after: done.after } : {};
  for await (const entry of from.entries(start)) {
    if (isOfAProcess(entry.key)) continue;
    if (!batch.add(entry)) {
      await flush();
      batch.add(entry);
    }
  }
  await flush();
  await to.delete(copyKey);
  return { rows: done.rows, bytes: done.bytes };
}

/** Throws AppError `CONFLICT` when anything is stored. */
async function requireEmpty(kv: Kv): Promise<void> {
  const { done } = await kv.entries().next();
  if (done) return;
  throw new AppError(
    "CONFLICT",
    "The store to copy into is not empty. Choose an empty one.",
  );
}

/** Rows of one commit. */
class Batch {
  readonly entries: StoredEntry[] = [];
  bytes = 0;
  #keyBytes = 0;

  get last(): Key | undefined {
    return this.entries.at(-1)?.key;
  }

  /** False when there is no more room. */
  add(entry: StoredEntry): boolean {
    const keyBytes = keySize(entry.key);
    const bytes = 2 * keyBytes + snapshot(entry.value).bytes;
    const isFull = this.entries.length >= BATCH.rows ||
      this.bytes + bytes > BATCH.bytes ||
      this.#keyBytes + keyBytes > BATCH.keyBytes;
    if (isFull && this.entries.length > 0) return false;
    this.entries.push(entry);
    this.bytes += bytes;
    this.#keyBytes += keyBytes;
    return true;
  }
}

async function write(
  to: Kv,
  entries: readonly StoredEntry[],
  done: CopyRow,
): Promise<void> {
  const commit = to.atomic();
  for (const { key, value, expiresAt } of entries) {
    commit.set(key, value, expiresAt === undefined ? {} : { expiresAt });
  }
  await commit.set(copyKey, done).commit();
}

function isOfAProcess(key: Key): boolean {
  return [leaseKeys.prefix, copyKey].some((prefix) =>
    prefix.every((part, i) => key[i] === part)
  );
}
