/**
 * Deletes tags of a repository after a preview that names everything that goes.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { HoldDirectory } from "../../hold_api/hold_client.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestIndex } from "../manifests/manifest_index.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { ImageSummaries } from "./image_summary.ts";
import { Reader } from "./reader.ts";
import type { TagList } from "./tag_list.ts";

/** An image that selected tags point at. */
export interface AffectedImage {
  readonly digest: Digest;
  /** Its tags that were selected. */
  readonly tags: readonly string[];
  /** Tags that keep it, the first few. */
  readonly kept: readonly string[];
  /** Bytes of config and layers; undefined when that is not known. */
  readonly size: number | undefined;
}

/** What goes when tags are deleted. */
export interface DeletionPreview {
  /** Selected tags that exist. */
  readonly tags: readonly string[];
  readonly images: readonly AffectedImage[];
}

export interface TagDeletionDeps {
  holds: HoldDirectory;
  index: Pick<ManifestIndex, "tag">;
  manifests: Pick<Manifests, "delete">;
  summaries: ImageSummaries;
  tags: Pick<TagList, "aliases">;
}

/** Tags that are deleted together. */
const MAX_TAGS = 100;

/** Previews and deletes. */
export class TagDeletion {
  readonly #deps: TagDeletionDeps;

  constructor(deps: TagDeletionDeps) {
    this.#deps = deps;
  }

  /** What goes with `tags`. Throws AppError `INVALID_REQUEST` when there are none, or too many. */
  async preview(
    owner: Identity,
    repo: string,
    tags: readonly string[],
  ): Promise<DeletionPreview> {
    if (tags.length === 0 || tags.length > MAX_TAGS) {
      throw new AppError(
        "INVALID_REQUEST",
        `Select 1 to ${MAX_TAGS} tags to delete.`,
      );
    }
    const { index, summaries, holds } = this.#deps;
    const ref = { did: owner.did, repo };
    const reader = new Reader(holds, owner.did);
    const images = new Map<Digest, AffectedImage>();
    const found: string[] = [];
    for (const tag of new Set(tags)) {
      const row = (await index.tag(ref, tag))?.value;
      if (!row) continue;
      found.push(tag);
      const { digest } = row;
      const known = images.get(digest);
      const size = known
        ? known.size
        : (await summaries.get(ref, digest, row, reader))?.size;
      const own = [...known?.tags ?? [], tag];
      images.set(digest, { digest, tags: own, kept: [], size });
    }
    return {
      tags: found,
      images: await Promise.all(
        images.values().map(async (image) => ({
          ...image,
          kept: await this.#kept(ref, image),
        })),
      ),
    };
  }

  /**
   * Deletes `tags`, and with `images` also the images that no other tag keeps.
   * Returns how many tags are gone. Throws what {@linkcode Manifests.delete}
   * throws; what was deleted before stays deleted.
   */
  async delete(
    owner: Identity,
    repo: string,
    session: PdsSession,
    what: { tags: readonly string[]; images: boolean },
  ): Promise<number> {
    const { tags, images } = await this.preview(owner, repo, what.tags);
    const ended = images.filter(({ kept }) => what.images && kept.length === 0);
    const references = [
      ...ended.map(({ digest }) => ({ kind: "digest", digest }) as const),
      ...images.filter((image) => !ended.includes(image))
        .flatMap((image) => image.tags)
        .map((tag) => ({ kind: "tag", tag }) as const),
    ];
    for (const reference of references) {
      try {
        await this.#deps.manifests.delete(owner, repo, session, reference);
      } catch (error) {
        // Another request was faster.
        if (!isAppError(error, "MANIFEST_UNKNOWN")) throw error;
      }
    }
    return tags.length;
  }

  async #kept(
    ref: { did: Identity["did"]; repo: string },
    { digest, tags }: AffectedImage,
  ): Promise<string[]> {
    const all = await this.#deps.tags.aliases(ref, digest, tags.length + 3);
    return all.filter((tag) => !tags.includes(tag));
  }
}
