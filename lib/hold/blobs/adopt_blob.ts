/**
 * Makes a blob of an object that has no row, as in an adopted bucket or after a
 * crash.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestParts } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { digestOfObject } from "../uploads/staged_object.ts";
import type { BlobRows } from "./blob_rows.ts";
import type { DamageReporter } from "./damage.ts";

export interface AdoptionDeps {
  readonly store: BlobStore;
  readonly keys: StorageKeys;
  readonly rows: BlobRows;
  readonly damage: Pick<DamageReporter, "hide">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reads the whole object of `digest` and makes the blob readable when its bytes
 * are right; hides it otherwise. Returns its size in bytes, or undefined when
 * there is no object or it is wrong. Throws AppError `DENIED` when the operator
 * removed the blob, and the errors of the store.
 */
export async function adoptBlob(
  { store, keys, rows, log, clock, damage }: AdoptionDeps,
  digest: Digest,
): Promise<number | undefined> {
  const key = keys.blob(digest);
  const seen = await rows.find(digest);
  const info = await store.head(key);
  if (!info) return undefined;
  const startedAt = clock.now();
  const { algorithm } = digestParts(digest);
  const actual = await digestOfObject(store, key, algorithm);
  if (actual !== digest) {
    const { size } = seen ?? info;
    const what = {
      damage: "digest",
      size,
      found: info.size,
      actual,
    } as const;
    await damage.hide(digest, seen, what);
    return undefined;
  }
  await rows.publish(digest, info.size, startedAt, () => Promise.resolve());
  log.info("blob adopted", { digest, size: info.size });
  return info.size;
}
