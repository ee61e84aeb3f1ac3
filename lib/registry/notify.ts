/**
 * What a hold is told of a push (`io.atcr.hold.notifyManifest`).
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import type { ManifestEvent } from "../hold_api/hold_client.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

/** Describes `manifest` in the terms of the lexicon. */
export function manifestEvent(
  ref: RepoRef,
  digest: Digest,
  manifest: ParsedManifest,
  tag: string | undefined,
): ManifestEvent {
  const { mediaType, config, layers, manifests } = manifest;
  return {
    repository: ref.repo,
    owner: ref.did,
    digest,
    ...(tag === undefined ? {} : { tag }),
    manifest: {
      mediaType,
      ...(config
        ? { config: { digest: config.digest, size: config.size } }
        : {}),
      layers: layers.map((layer) => ({
        digest: layer.digest,
        size: layer.size,
        mediaType: layer.mediaType,
      })),
      ...(manifest.kind === "index"
        ? {
          manifests: manifests.map((child) => ({
            digest: child.digest,
            size: child.size,
            mediaType: child.mediaType,
            ...(child.platform
              ? {
                platform: {
                  os: child.platform.os,
                  architecture: child.platform.architecture,
                },
              }
              : {}),
          })),
        }
        : {}),
    },
  };
}
