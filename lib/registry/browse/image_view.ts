/**
 * Everything that a page shows of one manifest.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { AppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { type ImageConfig, readImageConfig } from "../../oci/image_config.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { Reference } from "../../oci/name.ts";
import type { ManifestIndex } from "../manifests/manifest_index.ts";
import type { ManifestInfo, Manifests } from "../manifests/manifests.ts";
import type { ReferrerRow } from "../rows.ts";
import type { ConfigReader } from "../config_reader.ts";
import type { ImageSummaries, ImageSummary } from "./image_summary.ts";
import { Reader } from "./reader.ts";
import type { TagList } from "./tag_list.ts";

/** The image that a page shows: the manifest itself, or one platform of an index. */
export interface ShownImage {
  readonly digest: Digest;
  readonly manifest: ParsedManifest;
  /** Undefined for artifacts that are no container images, and where it cannot be read. */
  readonly config: ImageConfig | undefined;
  /** The configuration of other artifacts, as JSON. */
  readonly json: unknown;
  /** Set while the hold does not give the configuration. */
  readonly isConfigMissing: boolean;
}

/** A manifest with everything around it. */
export interface ImageView {
  readonly digest: Digest;
  readonly info: ManifestInfo;
  readonly summary: ImageSummary;
  /** Undefined for an index without an image that the visitor may see. */
  readonly shown: ShownImage | undefined;
  /** Tags of the manifest, the first few. */
  readonly tags: readonly string[];
  /** Manifests that refer to it, the first few. */
  readonly referrers: readonly ReferrerRow[];
  /** The bytes of the manifest as text. */
  readonly raw: string;
}

export interface ImageViewsDeps {
  holds: HoldDirectory;
  index: Pick<ManifestIndex, "referrers">;
  manifests: Pick<Manifests, "resolve" | "bytes">;
  summaries: ImageSummaries;
  configs: ConfigReader;
  tags: Pick<TagList, "aliases">;
}

/** Which image of a repository, and for whom. */
export interface ImageRequest {
  readonly reference: Reference;
  readonly caller: Caller;
  /** The image of an index that is shown. */
  readonly platform?: string | undefined;
  readonly admit?: () => Promise<void>;
}

const MAX_REFERRERS = 50;

/** Puts views together. */
export class ImageViews {
  readonly #deps: ImageViewsDeps;

  constructor(deps: ImageViewsDeps) {
    this.#deps = deps;
  }

  /** The view of an image. Throws what {@linkcode Manifests.resolve} throws. */
  async get(
    owner: Identity,
    repo: string,
    request: ImageRequest,
  ): Promise<ImageView> {
    const { holds, manifests, summaries, tags } = this.#deps;
    const { reference, caller, admit } = request;
    const ref = { did: owner.did, repo };
    const info = await manifests.resolve(owner, repo, reference, caller, {
      ...(admit ? { admit } : {}),
    });
    const { digest } = info;
    const bytes = await manifests.bytes(owner, repo, digest);
    const reader = new Reader(holds, caller);
    const summary = await summaries.get(ref, digest, info, reader);
    if (!summary) {
      throw new AppError(
        "UNPROCESSABLE",
        "The manifest of this image cannot be read.",
      );
    }
    const [shown, names, referrers] = await Promise.all([
      this.#shown(digest, summary, info.holdDid, request),
      tags.aliases(ref, digest),
      this.#referrers(ref, digest),
    ]);
    return {
      ...{ digest, info, summary, shown, referrers },
      tags: names,
      raw: new TextDecoder().decode(bytes),
    };
  }

  async #referrers(
    ref: { did: Did; repo: string },
    digest: Digest,
  ): Promise<ReferrerRow[]> {
    const found: ReferrerRow[] = [];
    for await (const row of this.#deps.index.referrers(ref, digest)) {
      found.push(row);
      if (found.length === MAX_REFERRERS) break;
    }
    return found;
  }

  async #shown(
    own: Digest,
    { manifest, platforms, shown }: ImageSummary,
    holdDid: Did,
    { caller, platform }: ImageRequest,
  ): Promise<ShownImage | undefined> {
    const chosen = platforms.find(({ name }) => name === platform) ??
      platforms.find((one) => one.manifest === shown);
    const image = manifest.kind === "image" ? manifest : chosen?.manifest;
    if (!image) return undefined;
    const digest = chosen?.digest ?? own;
    const nothing = { config: undefined, json: undefined };
    if (!image.config || isEmpty(image.config)) {
      return { digest, manifest: image, ...nothing, isConfigMissing: false };
    }
    const { configs } = this.#deps;
    const outcome = await configs.get(holdDid, caller, image.config);
    const isConfigMissing = outcome.kind === "missing" ||
      outcome.kind === "unavailable";
    if (outcome.kind !== "json") {
      return { digest, manifest: image, ...nothing, isConfigMissing };
    }
    const config = isImageConfig(image.config)
      ? readImageConfig(outcome.value)
      : undefined;
    const json = config ? undefined : outcome.value;
    return { digest, manifest: image, config, json, isConfigMissing };
  }
}

function isImageConfig({ mediaType }: Descriptor): boolean {
  return /^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/
    .test(mediaType);
}

/** The configuration of artifacts that need none (image-spec, "Guidance for an Empty Descriptor"). */
function isEmpty({ mediaType, size }: Descriptor): boolean {
  return mediaType === "application/vnd.oci.empty.v1+json" || size <= 2;
}
