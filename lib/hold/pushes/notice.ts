/**
 * A notification that a manifest was pushed, and what follows from it.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { AppError } from "../../errors.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";

/** A descriptor as a notification has it. */
export interface NoticeDescriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** A manifest that was pushed. */
export interface PushNotice {
  readonly repository: string;
  readonly owner: Did;
  /** Undefined in the notifications of early registries, which have a tag. */
  readonly digest?: Digest | undefined;
  readonly tag?: string | undefined;
  readonly manifest: {
    readonly mediaType: string;
    readonly config?: NoticeDescriptor | undefined;
    readonly layers: readonly (NoticeDescriptor & { mediaType: string })[];
    readonly manifests?:
      | readonly (NoticeDescriptor & {
        mediaType: string;
        platform?: { os: string; architecture: string } | undefined;
      })[]
      | undefined;
  };
}

/** AT-URI of the manifest's record; where its digest is not told, that of the tag which leads to it. */
export function uriOf({ owner, digest, repository, tag }: PushNotice): string {
  if (digest !== undefined) return manifestUri(owner, digest);
  if (tag !== undefined) {
    return `at://${owner}/io.atcr.tag/${tagRkey(repository, tag)}`;
  }
  throw new AppError(
    "INVALID_REQUEST",
    "A notification needs the digest of the manifest.",
  );
}

/** The config blob; undefined when there is none. */
export function configOf({ manifest }: PushNotice): Digest | undefined {
  const digest = manifest.config?.digest;
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** A blob that a manifest may need, with its media type. */
export interface NamedBlob {
  readonly digest: Digest;
  readonly mediaType: string;
}

/**
 * Layers and entries, each once. The entries of an index are manifests as a
 * rule, but may be blobs: BuildKit's caches list layers and a cache config.
 */
export function countedBlobs({ manifest }: PushNotice): NamedBlob[] {
  const found = new Map<Digest, NamedBlob>();
  const entries = [...manifest.layers, ...manifest.manifests ?? []];
  for (const { digest, mediaType } of entries) {
    if (!isDigest(digest) || found.has(digest)) continue;
    found.set(digest, { digest, mediaType });
  }
  return [...found.values()];
}

/** Config and layers: the blobs that the manifest needs, here already or not. */
export function blobsOf(notice: PushNotice): Digest[] {
  const config = configOf(notice);
  const layers = notice.manifest.layers.map(({ digest }) => digest);
  return [...(config === undefined ? [] : [config]), ...layers]
    .filter((digest) => isDigest(digest));
}

/** Everything that the manifest names: the hold may have the children of an index too. */
export function digestsOf(notice: PushNotice): Digest[] {
  const children = notice.manifest.manifests ?? [];
  const digests = children.map(({ digest }) => digest).filter((digest) =>
    isDigest(digest)
  );
  return [...new Set([...blobsOf(notice), ...digests])];
}

/** Those of `named` that are neither config nor layer nor entry. */
export function namedElsewhere(
  notice: PushNotice,
  named: Iterable<Digest>,
): Digest[] {
  const described = new Set<Digest>([
    ...blobsOf(notice),
    ...countedBlobs(notice).map(({ digest }) => digest),
  ]);
  return [...named].filter((digest) => !described.has(digest));
}

/** Platforms by name; attestations have none. */
export function platformsOf(
  manifests: NonNullable<PushNotice["manifest"]["manifests"]>,
): string[] {
  const names = manifests.flatMap(({ platform }) =>
    !platform || platform.os === "unknown"
      ? []
      : [`${platform.os}/${platform.architecture}`]
  );
  return [...new Set(names)];
}

/** Bytes of all `items`. */
export function totalSize(items: readonly { size: number }[]): number {
  return items.reduce((total, { size }) => total + size, 0);
}
