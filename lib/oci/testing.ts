/**
 * Media types for tests of manifests.
 *
 * @module
 */

/** Image manifest of the OCI image specification. */
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** Image manifest of Docker, version 2 schema 2. */
export const DOCKER_MANIFEST =
  "application/vnd.docker.distribution.manifest.v2+json";
/** Manifest list of Docker. */
export const DOCKER_LIST =
  "application/vnd.docker.distribution.manifest.list.v2+json";
/** Type of the empty descriptor, the config of most artifacts. */
export const OCI_EMPTY = "application/vnd.oci.empty.v1+json";
/** Digest of `{}`, the content of the empty descriptor. */
export const OCI_EMPTY_DIGEST =
  "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
/** Config of an OCI image. */
export const OCI_IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
