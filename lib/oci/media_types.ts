/**
 * Media types of manifests, configs and layers.
 *
 * @module
 */

/** Image manifest of the OCI image specification. */
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** Image index of the OCI image specification. */
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** Image manifest of Docker, version 2 schema 2. */
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
/** Manifest list of Docker. */
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

/** Media types of the manifests that are stored. */
export type ManifestMediaType =
  | typeof OCI_MANIFEST
  | typeof OCI_INDEX
  | typeof DOCKER_MANIFEST
  | typeof DOCKER_LIST;

/** Whether a manifest refers to layers (`image`) or to manifests (`index`). */
export type ManifestKind = "image" | "index";

const KINDS: Readonly<Record<ManifestMediaType, ManifestKind>> = {
  [OCI_MANIFEST]: "image",
  [OCI_INDEX]: "index",
  [DOCKER_MANIFEST]: "image",
  [DOCKER_LIST]: "index",
};

/** All types of {@linkcode ManifestMediaType}. */
export const MANIFEST_MEDIA_TYPES = Object.keys(
  KINDS,
) as readonly ManifestMediaType[];

const SCHEMA1 = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);

/** Whether `type` (lower case, without parameters) is a manifest that is stored. */
export function isManifestMediaType(type: string): type is ManifestMediaType {
  return Object.hasOwn(KINDS, type);
}

/** Whether `type` is the obsolete Docker schema 1. */
export function isSchema1(type: string): boolean {
  return SCHEMA1.has(type);
}

/** Image or index, by media type. */
export function manifestKind(type: ManifestMediaType): ManifestKind {
  return KINDS[type];
}

/** `Content-Type` without parameters, in lower case; undefined when there is none. */
export function bareMediaType(
  contentType: string | null | undefined,
): string | undefined {
  const semicolon = contentType?.indexOf(";") ?? -1;
  const type = semicolon < 0 ? contentType : contentType?.slice(0, semicolon);
  return type?.trim().toLowerCase() || undefined;
}

/**
 * Whether layers of this type may live outside the registry, at the `urls` of
 * their descriptor (image-spec, "Non-Distributable Layers").
 */
export function isNonDistributable(type: string): boolean {
  return type.startsWith("application/vnd.oci.image.layer.nondistributable.") ||
    type.startsWith("application/vnd.docker.image.rootfs.foreign.");
}
