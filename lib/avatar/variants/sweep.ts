/**
 * Removes replaced pictures after a grace period.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import {
  imageKey,
  profileKey,
  replacedKeys,
  storedBytesKey,
  variantKeys,
} from "../kv_keys.ts";
import { originalKey, variantObjectKey } from "../picture_keys.ts";
import type { ImageRow, ProfileRow, VariantRow } from "../picture_rows.ts";

export interface SweepDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly store: BlobStore;
}

/** Maximum pictures removed per run. */
const MAX_PICTURES = 100;
/** Variants removed in one commit; a KV commit takes 1,000 changes. */
const MAX_VARIANTS = 900;

/**
 * Removes what is due and returns the number of pictures removed. A picture
 * that its account uses again is kept. Safe to run concurrently.
 */
export async function sweepReplaced(
  deps: SweepDeps,
  onRemoved: (did: Did, cid: string) => void,
): Promise<number> {
  const { kv, clock } = deps;
  let removed = 0;
  const due = kv.list<true>(replacedKeys(clock.now()), {
    limit: MAX_PICTURES,
  });
  for await (const { key } of due) {
    const did = String(key[3]) as Did;
    const cid = String(key[4]);
    const profile = await kv.get<ProfileRow>(profileKey(did));
    const { avatar, banner } = profile?.value ?? {};
    if (avatar?.cid === cid || banner?.cid === cid) {
      await kv.delete(key);
      continue;
    }
    onRemoved(did, cid);
    if (!await removePicture(deps, did, cid)) continue; // the rest follows in the next run
    await kv.delete(key);
    removed++;
  }
  return removed;
}

/** Removes a picture with its variants, objects first; false when some are left. */
async function removePicture(
  { kv, store }: SweepDeps,
  did: Did,
  cid: string,
): Promise<boolean> {
  const change = kv.atomic();
  let variants = 0;
  let bytes = 0;
  for await (
    const { key, value } of kv.list<VariantRow>(variantKeys(did, cid), {
      limit: MAX_VARIANTS,
    })
  ) {
    await store.delete(variantObjectKey(did, cid, String(key[4])));
    change.delete(key);
    bytes += value.size;
    variants++;
  }
  const complete = variants < MAX_VARIANTS;
  if (complete) {
    const image = await kv.get<ImageRow>(imageKey(did, cid));
    bytes += image?.value.original?.size ?? 0;
    await store.delete(originalKey(did, cid));
    change.delete(imageKey(did, cid));
  }
  if (bytes > 0) change.sum(storedBytesKey, BigInt(-bytes));
  await change.commit();
  return complete;
}
