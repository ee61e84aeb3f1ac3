/**
 * Index of damaged blobs.
 *
 * @module
 */

import type { Atomic, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import type { BlobRow } from "./blob_row.ts";

/** Updates the index in the commit that changes a row from `before` to `after`. */
export function indexDamage(
  change: Atomic,
  digest: Digest,
  before: BlobRow | undefined,
  after: BlobRow,
): void {
  const key = holdKeys.damagedBlob(digest);
  if (after.state === "damaged") change.set(key, true);
  else if (before?.state === "damaged") change.delete(key);
}

/** Digests of damaged blobs, at most `limit`. */
export async function damagedBlobs(kv: Kv, limit: number): Promise<Digest[]> {
  const digests: Digest[] = [];
  const rows = kv.list({ prefix: holdKeys.damagedBlobs }, { limit });
  for await (const { key } of rows) {
    const digest = String(key[2]);
    if (isDigest(digest)) digests.push(digest);
  }
  return digests;
}
