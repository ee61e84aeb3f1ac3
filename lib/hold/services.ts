/**
 * Wires the services around a hold's records, for the program and its tests.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { StorageKeys } from "../storage/object_keys.ts";
import { HoldAccess } from "./access.ts";
import type { BlobRows } from "./blobs/blob_rows.ts";
import type { BlobUploaders } from "./blobs/uploaders.ts";
import { CaptainRecords } from "./captain_records.ts";
import { HoldCrew } from "./crew.ts";
import { HoldGc } from "./gc/gc.ts";
import { ManifestCensus, type ManifestSource } from "./gc/manifest_census.ts";
import { ManifestOwners } from "./gc/manifest_owners.ts";
import { HoldFeeds } from "./feeds/feeds.ts";
import { ManifestAdoption } from "./layers/adoption.ts";
import { LayerIndex } from "./layers/layer_index.ts";
import { LayerQueries } from "./layers/layer_queries.ts";
import { LayerRecords } from "./layers/layer_records.ts";
import { type HoldMetrics, HoldNotify } from "./pushes/notify.ts";
import { HoldPosts, type PictureOfPost } from "./pushes/posts.ts";
import { HoldQuota, type Tier } from "./quota/quota.ts";
import type { HoldRecords } from "./records.ts";
import { HoldStats } from "./stats.ts";
import { HoldUserData } from "./user_data.ts";

export interface HoldServicesDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: HoldMetrics;
  readonly store: BlobStore;
  readonly keys: StorageKeys;
  readonly records: HoldRecords;
  readonly rows: BlobRows;
  readonly uploaders: BlobUploaders;
  /** In ascending rank. */
  readonly tiers: readonly Tier[];
  readonly defaultTier: string | undefined;
  /** Handle of an account, or undefined when it cannot be resolved now. */
  readonly handleOf: (did: Did) => Promise<string | undefined>;
  /** Origin of the registry's pages. */
  readonly registryUrl: string;
  /** Draws pictures of posts; none by default. */
  readonly pictureOf?: PictureOfPost;
  readonly postsPerHour?: number;
  /** Hashtags of a repository's name in a post. */
  readonly postHashtags: number;
  /** Source of the members' manifests. */
  readonly source: ManifestSource;
  /** Younger blobs and manifests are kept, in milliseconds. */
  readonly graceMs: number;
  /** Whether layers get records. */
  readonly layerRecordsEnabled: boolean;
}

/** Services that interact only through their records and rows. */
export interface HoldServices {
  readonly access: HoldAccess;
  readonly captainRecords: CaptainRecords;
  readonly crew: HoldCrew;
  readonly uploaders: BlobUploaders;
  readonly layers: LayerIndex;
  readonly layerRecords: LayerRecords;
  readonly layerQueries: LayerQueries;
  readonly quota: HoldQuota;
  readonly stats: HoldStats;
  readonly posts: HoldPosts;
  readonly feeds: HoldFeeds;
  readonly notify: HoldNotify;
  readonly userData: HoldUserData;
  readonly census: ManifestCensus;
  readonly gc: HoldGc;
}

/** Creates the services; reads and writes nothing. */
export function createHoldServices(deps: HoldServicesDeps): HoldServices {
  const { kv, clock, records } = deps;
  const access = new HoldAccess({ records, clock });
  const crew = new HoldCrew({ records, access, clock });
  const quota = new HoldQuota({ ...deps, access });
  const layers = new LayerIndex({ kv, clock, claims: quota.ledger });
  const layerRecords = new LayerRecords({
    ...deps,
    layers,
    enabled: deps.layerRecordsEnabled,
  });
  const stats = new HoldStats(deps);
  const posts = new HoldPosts({ ...deps, access });
  const recorded = { ...deps, access, crew, layers, layerRecords };
  const census = new ManifestCensus({
    ...recorded,
    did: records.did,
    adoption: new ManifestAdoption({ ...recorded, quota }),
    owners: new ManifestOwners(recorded),
  });
  return {
    access,
    captainRecords: new CaptainRecords({ access, records }),
    crew,
    uploaders: deps.uploaders,
    layers,
    layerRecords,
    layerQueries: new LayerQueries({ kv, layerRecords }),
    quota,
    stats,
    posts,
    feeds: new HoldFeeds(deps),
    notify: new HoldNotify({ ...recorded, quota, stats, posts }),
    userData: new HoldUserData({ ...recorded, quota }),
    census,
    gc: new HoldGc({ ...recorded, charges: quota.ledger, census }),
  };
}
