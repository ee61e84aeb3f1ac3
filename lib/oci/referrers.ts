/**
 * Lists of referrers: manifests with another one as their subject
 * (distribution-spec, "Listing Referrers").
 *
 * @module
 */

import { type Digest, digestParts } from "./digest.ts";
import type { Descriptor } from "./descriptor.ts";
import { OCI_INDEX } from "./media_types.ts";

/** Builds the response of the referrers API: an index of descriptors. */
export function referrersIndex(manifests: readonly Descriptor[]) {
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests } as const;
}

/**
 * The tag under which clients store the list when a registry has no referrers
 * API: `sha256-<hex>`, the hex truncated to 64 characters ("Referrers Tag
 * Schema").
 */
export function referrersTag(digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return `${algorithm}-${hex.slice(0, 64)}`;
}

/** Whether `tag` has the form of {@linkcode referrersTag}. */
export function isReferrersTag(tag: string): boolean {
  return /^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{64})$/.test(tag);
}
