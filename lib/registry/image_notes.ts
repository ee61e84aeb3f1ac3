/**
 * What an image says of itself: annotations of its manifest and index, and
 * labels of its configuration.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../did.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import { readManifestAside } from "../oci/manifest_reading.ts";
import type { ConfigReader } from "./config_reader.ts";
import type { ManifestContent } from "./manifests/content.ts";
import type { ManifestIndex, RepoRef } from "./manifests/manifest_index.ts";

export interface ImageNotesDeps {
  readonly index: Pick<ManifestIndex, "manifest">;
  readonly content: Pick<ManifestContent, "get">;
  readonly configs: Pick<ConfigReader, "get">;
}

/** Names and values. */
export type Notes = Readonly<Record<string, string>>;

/** A manifest with the hold of its blobs. */
interface Found {
  readonly manifest: ParsedManifest;
  readonly holdDid: Did;
}

const configSchema = z.object({
  config: z.object({
    Labels: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  }).nullish().catch(undefined),
});

/** Reads notes of images that were pushed here. */
export class ImageNotes {
  readonly #deps: ImageNotesDeps;

  constructor(deps: ImageNotesDeps) {
    this.#deps = deps;
  }

  /**
   * Annotations and labels of an image; annotations win, those of an index over
   * those of the image for linux/amd64 or else the first platform. Undefined
   * when the manifest is gone. Throws what the hold throws.
   */
  async of(ref: RepoRef, digest: Digest): Promise<Notes | undefined> {
    const found = await this.#find(ref, digest);
    if (!found) return undefined;
    const { manifest } = found;
    if (manifest.kind === "image") return await this.#image(ref, found);
    const child = mainChild(manifest.manifests);
    const image = child && await this.#find(ref, child.digest);
    if (image?.manifest.kind !== "image") return manifest.annotations;
    return { ...await this.#image(ref, image), ...manifest.annotations };
  }

  async #image(
    ref: RepoRef,
    { manifest, holdDid }: Found,
  ): Promise<Notes> {
    const { config, annotations } = manifest;
    const labels = config && await this.#labels(ref.did, holdDid, config);
    return { ...labels, ...annotations };
  }

  async #find(ref: RepoRef, digest: Digest): Promise<Found | undefined> {
    const { index, content } = this.#deps;
    const row = await index.manifest(ref, digest);
    const bytes = row && await content.get(digest);
    if (!bytes) return undefined;
    const manifest = await readManifestAside(bytes, row.mediaType);
    return { manifest, holdDid: row.holdDid };
  }

  async #labels(
    owner: Did,
    holdDid: Did,
    config: Descriptor,
  ): Promise<Notes> {
    if (!/config.*\+json$/.test(config.mediaType)) return {};
    const outcome = await this.#deps.configs.get(holdDid, owner, config);
    if (outcome.kind === "unavailable") throw outcome.error;
    return outcome.kind === "json" ? labelsOf(outcome.value) : {};
  }
}

/** The platform that stands for an index. */
function mainChild(manifests: readonly Descriptor[]): Descriptor | undefined {
  const images = manifests.filter(({ platform }) =>
    platform && platform.os !== "" && platform.os !== "unknown"
  );
  return images.find(({ platform }) =>
    platform?.os === "linux" && platform.architecture === "amd64"
  ) ?? images[0];
}

function labelsOf(value: unknown): Notes {
  const labels = configSchema.safeParse(value).data?.config?.Labels ?? {};
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, label]) =>
      typeof label === "string" ? [[name, label]] : []
    ),
  );
}
