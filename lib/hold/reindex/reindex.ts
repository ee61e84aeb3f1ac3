/**
 * Makes the rows of a hold that follow from something else again: of blobs from
 * the store, of layers and feeds from the repo, of manifests and quotas from
 * the repos of their owners.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { AdoptionDeps } from "../blobs/adopt_blob.ts";
import type { HoldFeeds } from "../feeds/feeds.ts";
import type { ManifestCensus } from "../gc/manifest_census.ts";
import type { LayerIndex } from "../layers/layer_index.ts";
import { repairLayerIndex } from "../layers/layer_repair.ts";
import type { HoldRecords } from "../records.ts";
import { type BlobReindexReport, reindexBlobs } from "./blob_reindex.ts";

export interface HoldReindexDeps extends AdoptionDeps {
  readonly records: HoldRecords;
  readonly layers: LayerIndex;
  readonly feeds: Pick<HoldFeeds, "indexPosts">;
  readonly census: Pick<ManifestCensus, "take">;
  readonly clock: Clock;
}

/** What a run did. */
export interface ReindexReport extends BlobReindexReport {
  /** Owners whose repos could not be read, or not all of their manifests. */
  readonly unread: number;
}

/** A part of the work, in the order in which they run. */
export type ReindexStep = "blobs" | "layers" | "feeds" | "manifests";

/** Options of a run. */
export interface ReindexOptions {
  readonly signal?: AbortSignal;
  /** Called when a part begins, and for each object of a blob. */
  readonly progress?: (step: ReindexStep, objects: number) => void;
}

/** Makes derived rows again. */
export class HoldReindex {
  readonly #deps: HoldReindexDeps;

  constructor(deps: HoldReindexDeps) {
    this.#deps = deps;
  }

  /**
   * Runs once; a run that was interrupted is repeated from its begin, which is
   * quick where the rows are there. The caller must hold the lease of garbage
   * collection. Throws the errors of the stores and the reason of `signal`;
   * owners that cannot be read are counted.
   */
  async run(options: ReindexOptions = {}): Promise<ReindexReport> {
    const { feeds, census } = this.#deps;
    const { signal, progress } = options;
    progress?.("blobs", 0);
    // First: layers and manifests are charged by the sizes of their blobs.
    const blobs = await reindexBlobs(this.#deps, {
      signal,
      progress: (objects) => progress?.("blobs", objects),
    });
    progress?.("layers", 0);
    await repairLayerIndex(this.#deps, signal);
    progress?.("feeds", 0);
    await feeds.indexPosts();
    progress?.("manifests", 0);
    const { unread } = await census.take(false, signal);
    return { ...blobs, unread: unread.size };
  }
}
