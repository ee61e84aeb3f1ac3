/**
 * Rows of blobs from the objects of the store.
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import { adoptBlob, type AdoptionDeps } from "../blobs/adopt_blob.ts";
import type { BlobRow } from "../blobs/blob_row.ts";

/** What was found in the store. */
export interface BlobReindexReport {
  /** Objects of blobs. */
  objects: number;
  /** Objects without a row whose blobs are readable now. */
  adopted: number;
  /** Blobs that are hidden now, because their objects are missing or wrong. */
  hidden: number;
}

/**
 * Makes rows for objects that have none, after reading all of their bytes, and
 * hides blobs whose objects are gone or have another size. Changes nothing
 * about blobs that were removed, quarantined or found damaged, unless the
 * object of a lost one is there again. `progress` is called with the number of
 * objects so far.
 */
export async function reindexBlobs(
  deps: AdoptionDeps,
  { signal, progress }: {
    readonly signal?: AbortSignal | undefined;
    readonly progress?: (objects: number) => void;
  } = {},
): Promise<BlobReindexReport> {
  const report: BlobReindexReport = { objects: 0, adopted: 0, hidden: 0 };
  for await (const { digest, size, row } of pairs(deps)) {
    signal?.throwIfAborted();
    if (size !== undefined) progress?.(++report.objects);
    if (row?.state === "live") {
      if (size === row.size) continue;
      if (await hideIfLost(deps, digest, row)) report.hidden++;
    } else if (size !== undefined && mayBeAdopted(row)) {
      if (await adoptBlob(deps, digest) === undefined) report.hidden++;
      else report.adopted++;
    }
  }
  return report;
}

/** An object, a row, or both. */
interface Pair {
  readonly digest: Digest;
  /** Bytes of the object; undefined when there is none. */
  readonly size?: number;
  readonly row?: BlobRow;
}

/** Objects and rows side by side; both lists are in the order of digests. */
async function* pairs(
  { store, keys, rows }: AdoptionDeps,
): AsyncGenerator<Pair> {
  const all = rows.all();
  let other = await all.next();
  for await (const { key, info: { size } } of store.list(keys.blobs)) {
    const digest = keys.digestOf(key);
    if (digest === undefined) continue;
    while (!other.done && other.value.digest < digest) {
      yield other.value;
      other = await all.next();
    }
    if (other.done || other.value.digest !== digest) {
      yield { digest, size };
    } else {
      yield { ...other.value, size };
      other = await all.next();
    }
  }
  for (; !other.done; other = await all.next()) yield other.value;
}

/** Whether a blob that is not readable can be, because it has an object. */
function mayBeAdopted(row: BlobRow | undefined): boolean {
  return row === undefined ||
    (row.state === "damaged" && row.damage === "missing");
}

/** Whether the blob had to be hidden; looks again, because it may be new. */
async function hideIfLost(
  { store, keys, damage }: AdoptionDeps,
  digest: Digest,
  row: BlobRow,
): Promise<boolean> {
  const { size } = row;
  const found = (await store.head(keys.blob(digest)))?.size;
  if (found === size) return false;
  return await damage.hide(
    digest,
    row,
    found === undefined
      ? { damage: "missing", size }
      : { damage: "size", size, found },
  );
}
