/**
 * Plans the post about a push.
 *
 * @module
 */

import { manifestUri } from "../../atproto/records/records.ts";
import type { Did } from "../../did.ts";
import type { EventDescriptor, PushEvent } from "../../hold_api/push_event.ts";
import type { Logger } from "../../log.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { LayerRecords, PresentLayer } from "../layers/layer_records.ts";
import type { HoldPosts, PlannedPost } from "./posts.ts";
import { platformsOf, totalSize } from "./push_content.ts";

export interface PostPlannerDeps {
  layerRecords: Pick<LayerRecords, "sizes">;
  posts: HoldPosts;
  log: Logger;
  metrics: { notificationFailed(code: string): void };
}

/** Plans posts. */
export class PostPlanner {
  readonly #deps: PostPlannerDeps;

  constructor(deps: PostPlannerDeps) {
    this.#deps = deps;
  }

  /** A failing post must not prevent the layers from being recorded. */
  async plan(
    event: PushEvent,
    present: readonly PresentLayer[],
  ): Promise<PlannedPost | undefined> {
    const { owner, repository, tag, manifest } = event;
    if (tag === undefined) return undefined;
    const { manifests } = manifest;
    try {
      return await this.#deps.posts.plan({
        owner,
        repository,
        tag,
        size: manifests
          ? await this.#sizeOfIndex(owner, manifests, present)
          : totalSize(present),
        layers: manifests ? undefined : manifest.layers.length,
        platforms: platformsOf(manifests ?? []),
      });
    } catch (error) {
      this.failed(event, error);
      return undefined;
    }
  }

  /** Bytes of all blobs of an index: those of its children and those it lists itself. */
  async #sizeOfIndex(
    owner: Did,
    children: readonly EventDescriptor[],
    present: readonly PresentLayer[],
  ): Promise<number> {
    const { layerRecords } = this.#deps;
    const sizes = new Map<Digest, { size: number }>(
      present.map((layer) => [layer.digest, layer]),
    );
    for (const { digest } of children.slice(0, 100)) {
      if (!isDigest(digest)) continue;
      const uri = manifestUri(owner, digest);
      for (const entry of await layerRecords.sizes(uri)) {
        sizes.set(entry.digest, entry);
      }
    }
    return totalSize([...sizes.values()]);
  }

  /** Reports a post that was not made. */
  failed({ owner, repository }: PushEvent, error: unknown): void {
    this.#deps.metrics.notificationFailed("post");
    this.#deps.log.error("post not made", {
      userDid: owner,
      repository,
      error,
    });
  }
}
