/**
 * Extracts the blobs of a manifest from a push event.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { AppError } from "../../errors.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";

/** AT-URI of the manifest's record, or of the tag's when the digest is missing. */
export function uriOf({ owner, digest, repository, tag }: PushEvent): string {
  if (digest !== undefined) return manifestUri(owner, digest);
  if (tag !== undefined) {
    return `at://${owner}/${OWNER_COLLECTIONS.tag}/${tagRkey(repository, tag)}`;
  }
  throw new AppError(
    "INVALID_REQUEST",
    "A notification needs the digest of the manifest.",
  );
}

/** The config blob; undefined when there is none. */
export function configOf({ manifest }: PushEvent): Digest | undefined {
  const digest = manifest.config?.digest;
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** A blob that a manifest may need, with its media type. */
export interface NamedBlob {
  readonly digest: Digest;
  readonly mediaType: string;
}

/** A blob without a descriptor. */
export function unnamedBlob(digest: Digest): NamedBlob {
  return { digest, mediaType: "application/octet-stream" };
}

/**
 * Layers and entries, each once. The entries of an index are usually manifests,
 * but may be blobs: BuildKit caches list layers and a cache config.
 */
export function countedBlobs({ manifest }: PushEvent): NamedBlob[] {
  const found = new Map<Digest, NamedBlob>();
  const entries = [...manifest.layers, ...manifest.manifests ?? []];
  for (const { digest, mediaType } of entries) {
    if (!isDigest(digest) || found.has(digest)) continue;
    found.set(digest, { digest, mediaType });
  }
  return [...found.values()];
}

/** Config and layers: the blobs that the manifest needs, stored here or not. */
export function blobsOf(event: PushEvent): Digest[] {
  const config = configOf(event);
  const layers = event.manifest.layers.map(({ digest }) => digest);
  return [...(config === undefined ? [] : [config]), ...layers]
    .filter((digest) => isDigest(digest));
}

/** All digests in the event: the hold may have the children of an index too. */
export function digestsOf(event: PushEvent): Digest[] {
  const children = event.manifest.manifests ?? [];
  const digests = children.map(({ digest }) => digest).filter((digest) =>
    isDigest(digest)
  );
  return [...new Set([...blobsOf(event), ...digests])];
}

/** The digests in `named` other than config, layers and entries. */
export function namedElsewhere(
  event: PushEvent,
  named: Iterable<Digest>,
): Digest[] {
  const described = new Set<Digest>([
    ...blobsOf(event),
    ...countedBlobs(event).map(({ digest }) => digest),
  ]);
  return [...named].filter((digest) => !described.has(digest));
}

/** Platforms by name; attestations have none. */
export function platformsOf(
  manifests: NonNullable<PushEvent["manifest"]["manifests"]>,
): string[] {
  const names = manifests.flatMap(({ platform }) =>
    !platform || platform.os === "unknown"
      ? []
      : [`${platform.os}/${platform.architecture}`]
  );
  return [...new Set(names)];
}

/** Total bytes of `items`. */
export function totalSize(items: readonly { size: number }[]): number {
  return items.reduce((total, { size }) => total + size, 0);
}
