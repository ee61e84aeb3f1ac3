/**
 * Describes the pictures of an account: source, original and stored variants.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Kv } from "../kv/kv.ts";
import { imageKey, variantKeys } from "./kv_keys.ts";
import { originalKey, variantObjectKey } from "./picture_keys.ts";
import {
  type ImageRow,
  isInStore,
  type OriginalFacts,
  type PictureRef,
  type VariantRow,
} from "./picture_rows.ts";

/** A stored variant. */
export interface DescribedVariant extends Omit<VariantRow, "sha256" | "store"> {
  readonly name: string;
  readonly url: string;
}

/** A picture of an account. */
export interface AccountPicture {
  readonly cid: string;
  /** The record that names it. */
  readonly source: { readonly collection: string; readonly uri: string };
  /** Undefined until a variant was rendered. */
  readonly original: (OriginalFacts & { readonly url: string }) | undefined;
  /** At most 100, by name. */
  readonly variants: readonly DescribedVariant[];
}

/** An account and its pictures. */
export interface AccountDescription {
  readonly did: Did;
  readonly handle: string | undefined;
  /** When its PDS was queried, in milliseconds since the Unix epoch. */
  readonly checkedAt: number;
  readonly freshness: "fresh" | "stale";
  readonly avatar: AccountPicture | undefined;
  readonly banner: AccountPicture | undefined;
}

const MAX_VARIANTS = 100;

/** Reads the stored facts of `picture`. */
export async function describePicture(
  kv: Kv,
  did: Did,
  picture: PictureRef | undefined,
  urlOf: (key: string) => string,
  storeId: string,
): Promise<AccountPicture | undefined> {
  if (picture === undefined) return undefined;
  const { cid, collection, uri } = picture;
  const image = await kv.get<ImageRow>(imageKey(did, cid));
  const variants: DescribedVariant[] = [];
  const stored = kv.list<VariantRow>(variantKeys(did, cid), {
    limit: MAX_VARIANTS,
  });
  for await (const { key, value } of stored) {
    if (!isInStore(value, storeId)) continue;
    const { sha256: _, store: _store, ...shown } = value;
    const name = String(key[4]);
    variants.push({
      name,
      url: urlOf(variantObjectKey(did, cid, name)),
      ...shown,
    });
  }
  const facts = image?.value.original;
  return {
    cid,
    source: { collection, uri },
    original: facts && { ...facts, url: urlOf(originalKey(did, cid)) },
    variants,
  };
}
