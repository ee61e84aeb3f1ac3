/**
 * What lists show of an image: its platforms, its layers, its size.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import type { ParsedManifests } from "./parsed_manifests.ts";
import type { Reader } from "./reader.ts";

/** An image of an index. */
export interface PlatformImage {
  /** `os/architecture`, with the variant where there is one. */
  readonly name: string;
  readonly digest: Digest;
  /** Bytes of config and layers as they are stored; undefined when it is not known here. */
  readonly size: number | undefined;
  /** Undefined when it is not known here, or lies where the visitor may not read. */
  readonly manifest: ParsedManifest | undefined;
}

/** A manifest with what it stands for. */
export interface ImageSummary {
  readonly manifest: ParsedManifest;
  /** Images of an index, without attestations; empty for a single image. */
  readonly platforms: readonly PlatformImage[];
  /** Entries of an index that are neither images nor attestations. */
  readonly others: readonly Descriptor[];
  /** The image that is shown: of an index that for linux/amd64, else its first. */
  readonly shown: ParsedManifest | undefined;
  /** Bytes of config and layers, of an index those of all platforms; undefined when some are not known. */
  readonly size: number | undefined;
}

export interface ImageSummariesDeps {
  index: Pick<ManifestIndex, "manifests">;
  parsed: ParsedManifests;
}

/** Maximum entries of an index that are looked at. */
const MAX_CHILDREN = 64;

/** The platform that people ask for most. */
const USUAL = "linux/amd64";

/** Puts summaries together. */
export class ImageSummaries {
  readonly #deps: ImageSummariesDeps;

  constructor(deps: ImageSummariesDeps) {
    this.#deps = deps;
  }

  /** Summary of a manifest in `hold`, which the reader may read; undefined when its bytes are not here. */
  async get(
    ref: RepoRef,
    digest: Digest,
    { mediaType, holdDid }: { mediaType: string; holdDid: Did },
    reader: Reader,
  ): Promise<ImageSummary | undefined> {
    const manifest = await this.#deps.parsed.get(digest, mediaType);
    if (!manifest) return undefined;
    if (manifest.kind === "image") {
      const size = sizeOf(manifest);
      return { manifest, platforms: [], others: [], shown: manifest, size };
    }
    const children = manifest.manifests.slice(0, MAX_CHILDREN);
    const images = children.filter(isImage);
    const platforms = await this.#platforms(ref, images, holdDid, reader);
    const usual = platforms.find(({ name }) => name === USUAL);
    return {
      manifest,
      platforms,
      others: children.filter((child) =>
        !isImage(child) && !isAttestation(child)
      ),
      shown: (usual ?? platforms[0])?.manifest,
      size: sumOf(platforms),
    };
  }

  async #platforms(
    ref: RepoRef,
    images: readonly Descriptor[],
    holdDid: Did,
    reader: Reader,
  ): Promise<PlatformImage[]> {
    const { index, parsed } = this.#deps;
    const rows = await index.manifests(ref, images.map(({ digest }) => digest));
    return await Promise.all(images.map(async (image, i) => {
      const { digest, mediaType, platform } = image;
      const row = rows[i];
      const isOpen = row !== undefined &&
        (row.holdDid === holdDid || await reader.mayRead(row.holdDid));
      const manifest = isOpen ? await parsed.get(digest, mediaType) : undefined;
      const size = manifest && sizeOf(manifest);
      return { name: platformName(platform), digest, size, manifest };
    }));
  }
}

/** `os/architecture`, with the variant where there is one. */
export function platformName(platform: Platform | undefined): string {
  const { os = "", architecture = "", variant } = platform ?? {};
  return [os, architecture, variant].filter(Boolean).join("/") || "any";
}

/** BuildKit lists attestations as images of the platform unknown/unknown. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  return annotations?.["vnd.docker.reference.type"] !== undefined ||
    platform?.os === "unknown" && platform.architecture === "unknown";
}

function isImage(child: Descriptor): boolean {
  return child.platform !== undefined && !isAttestation(child);
}

/** Bytes of config and layers as they are stored; a sum that no number holds stays where it is. */
function sizeOf({ config, layers }: ParsedManifest): number {
  const all = layers.reduce((sum, { size }) => sum + size, config?.size ?? 0);
  return Math.min(all, Number.MAX_SAFE_INTEGER);
}

function sumOf(platforms: readonly PlatformImage[]): number | undefined {
  let sum = 0;
  for (const { size } of platforms) {
    if (size === undefined) return undefined;
    sum += size;
  }
  return platforms.length === 0 ? undefined : sum;
}
