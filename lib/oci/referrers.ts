/**
 * Lists of referrers: manifests that name another one as their subject
 * (distribution-spec, "Listing Referrers").
 *
 * @module
 */

import type { Digest } from "./digest.ts";
import { digestParts } from "./digest.ts";
import type { Descriptor } from "./descriptor.ts";
import { effectiveArtifactType, type ParsedManifest } from "./manifest.ts";
import { OCI_INDEX } from "./media_types.ts";

/** The descriptor by which a manifest stands in the list of its subject's referrers. */
export function referrerDescriptor(
  manifest: ParsedManifest,
  digest: Digest,
): Descriptor {
  const artifactType = effectiveArtifactType(manifest);
  const hasAnnotations = Object.keys(manifest.annotations).length > 0;
  return {
    mediaType: manifest.mediaType,
    digest,
    size: manifest.size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(hasAnnotations ? { annotations: manifest.annotations } : {}),
  };
}

/** The answer of the referrers API: an index of descriptors. */
export function referrersIndex(manifests: readonly Descriptor[]) {
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests } as const;
}

/**
 * Joins lists of referrers, each digest once and the first one kept. Used where
 * clients wrote a list of their own under the {@linkcode referrersTag}.
 */
export function mergeReferrers(
  ...lists: readonly (readonly Descriptor[])[]
): Descriptor[] {
  const merged = new Map<Digest, Descriptor>();
  for (const descriptor of lists.flat()) {
    if (!merged.has(descriptor.digest)) {
      merged.set(descriptor.digest, descriptor);
    }
  }
  return [...merged.values()];
}

/**
 * The tag under which clients keep the list where a registry has no referrers
 * API: `sha256-<hex>`, the hex cut to 64 characters ("Referrers Tag Schema").
 */
export function referrersTag(digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return `${algorithm}-${hex.slice(0, 64)}`;
}
