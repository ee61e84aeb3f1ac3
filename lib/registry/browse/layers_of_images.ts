/**
 * The layers of images in lists of repositories and pushes. Reads only what is
 * stored here.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import { isAttestation, platformName } from "./image_summary.ts";
import type { ParsedManifests } from "./parsed_manifests.ts";

/** An image whose hold the visitor may read. */
export interface ShownImage extends RepoRef {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly holdDid: Did;
}

export interface LayersOfImagesDeps {
  index: Pick<ManifestIndex, "manifest">;
  parsed: ParsedManifests;
}

/** The platform that people ask for most. */
const USUAL = "linux/amd64";

/** Reads layers. */
export class LayersOfImages {
  readonly #deps: LayersOfImagesDeps;

  constructor(deps: LayersOfImagesDeps) {
    this.#deps = deps;
  }

  /**
   * The layers of an image, of an index those for linux/amd64, else for its
   * first platform; none when they are not known here.
   */
  async get(image: ShownImage): Promise<readonly Descriptor[]> {
    const { index, parsed } = this.#deps;
    const manifest = await parsed.get(image.digest, image.mediaType);
    if (!manifest) return [];
    if (manifest.kind === "image") return manifest.layers;
    const images = manifest.manifests.filter((child) =>
      child.platform !== undefined && !isAttestation(child)
    );
    const usual = images.find(({ platform }) =>
      platformName(platform) === USUAL
    );
    const child = usual ?? images[0];
    if (!child) return [];
    const row = await index.manifest(image, child.digest);
    // One of another hold may be private.
    if (row?.holdDid !== image.holdDid) return [];
    return (await parsed.get(child.digest, child.mediaType))?.layers ?? [];
  }
}
