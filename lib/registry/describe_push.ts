/**
 * Builds the push event for the hold.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import type { PushEvent } from "../hold_api/push_event.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

/** Describes `manifest` in the form of the lexicon. */
export function describePush(
  ref: RepoRef,
  digest: Digest,
  manifest: ParsedManifest,
  tag: string | undefined,
): PushEvent {
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
