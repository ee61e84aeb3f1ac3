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

/** Config and layers: the blobs that the manifest needs. */
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
