/**
 * Content for registries: blobs, manifests and indexes with their descriptors.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Media types by short names. */
export const TYPES = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  empty: "application/vnd.oci.empty.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  foreignLayer: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
} as const;

/** A descriptor in manifests. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  urls?: string[];
  artifactType?: string;
  annotations?: Record<string, string>;
  platform?: { os: string; architecture: string };
}

/** Bytes with their name. */
export interface Blob {
  bytes: Uint8Array<ArrayBuffer>;
  digest: string;
}

/** A manifest or index, ready to push. */
export interface Manifest extends Blob {
  mediaType: string;
  descriptor: Descriptor;
}

/** Digest of `bytes` in its text form. */
export function digestOf(
  bytes: Uint8Array,
  algorithm: "sha256" | "sha512" = "sha256",
): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** A blob of `size` random bytes. */
export function randomBlob(
  size: number,
  algorithm: "sha256" | "sha512" = "sha256",
): Blob {
  const bytes = new Uint8Array(size);
  // One call returns at most 64 KiB.
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
  }
  return { bytes, digest: digestOf(bytes, algorithm) };
}

/** `text` as a blob. */
export function textBlob(text: string): Blob {
  const bytes = new TextEncoder().encode(text);
  return { bytes, digest: digestOf(bytes) };
}

/** The descriptor of a blob. */
export function descriptor(blob: Blob, mediaType: string): Descriptor {
  return { mediaType, digest: blob.digest, size: blob.bytes.length };
}

/** Any JSON document as a manifest. */
export function manifest(
  document: { mediaType?: string } & Record<string, unknown>,
  mediaType: string = document.mediaType ?? TYPES.manifest,
): Manifest {
  const blob = textBlob(JSON.stringify(document));
  return { ...blob, mediaType, descriptor: descriptor(blob, mediaType) };
}

/** An OCI image manifest. `extra` adds or replaces fields. */
export function imageManifest(
  config: Blob,
  layers: readonly Blob[],
  extra: Record<string, unknown> = {},
): Manifest {
  return manifest({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptor(config, TYPES.config),
    layers: layers.map((layer) => descriptor(layer, TYPES.layer)),
    ...extra,
  });
}

/** An OCI image index. `extra` adds or replaces fields. */
export function imageIndex(
  manifests: readonly Descriptor[],
  extra: Record<string, unknown> = {},
): Manifest {
  return manifest({
    schemaVersion: 2,
    mediaType: TYPES.index,
    manifests,
    ...extra,
  });
}

/** The blob `{}` that artifacts have for a config. */
export const EMPTY_JSON: Blob = textBlob("{}");

/** An artifact without layers of its own that refers to `subject`. */
export function artifact(
  artifactType: string,
  subject: Descriptor | undefined,
  extra: Record<string, unknown> = {},
): Manifest {
  return manifest({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    artifactType,
    config: descriptor(EMPTY_JSON, TYPES.empty),
    layers: [descriptor(EMPTY_JSON, TYPES.empty)],
    ...(subject ? { subject } : {}),
    ...extra,
  });
}
