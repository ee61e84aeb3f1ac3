/**
 * Builds the hold: its identity, its signed repo, and the services around it.
 *
 * @module
 */

import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { assertRecord, assertRecordKey } from "../atproto/lexicon/lexicon.ts";
import { ServiceAuthVerifier } from "../atproto/service_auth.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { HoldAccess } from "../hold/access.ts";
import { CaptainRecords } from "../hold/captain_records.ts";
import { BlobRows } from "../hold/blobs/blob_rows.ts";
import { DamageReporter } from "../hold/blobs/damage.ts";
import { BlobScrub } from "../hold/blobs/blob_scrub.ts";
import { BlobUploaders } from "../hold/blobs/uploaders.ts";
import { HoldBlobs } from "../hold/blobs/blobs.ts";
import { HoldCrew } from "../hold/crew.ts";
import { HoldGc } from "../hold/gc/gc.ts";
import {
  ManifestCensus,
  type ManifestSource,
} from "../hold/gc/manifest_census.ts";
import { LayerIndex } from "../hold/layers/layer_index.ts";
import { LayerRecords } from "../hold/layers/layer_records.ts";
import { HoldNotify } from "../hold/pushes/notify.ts";
import { HoldPosts } from "../hold/pushes/posts.ts";
import { HoldQuota } from "../hold/quota/quota.ts";
import { ReadTickets } from "../hold/blobs/read_tickets.ts";
import { HoldStats } from "../hold/stats.ts";
import { HoldUploads } from "../hold/uploads/uploads.ts";
import { HoldUserData } from "../hold/user_data.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { RepoBlobScrub } from "../repo/blob_scrub.ts";
import { RepoBlobs } from "../repo/blobs.ts";
import { handleOfHost } from "../repo/identity/did_document.ts";
import { DEFAULT_RETENTION } from "../repo/events/event_log.ts";
import { DEFAULT_FIREHOSE_LIMITS, Firehose } from "../repo/events/firehose.ts";
import { Repo } from "../repo/repo.ts";
import type { KeyBox } from "../repo/identity/signing_key.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { StorageKeys } from "../storage/object_keys.ts";
import { openHoldIdentity } from "./hold_identity.ts";
import { holdStart } from "./hold_start.ts";

/** What {@linkcode createHold} needs. */
export interface HoldContextDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  store: BlobStore;
  box: KeyBox;
  identities: IdentityResolver;
  manifests: ManifestSource;
  fetch: GuardedFetch;
  /** Origin of the directory of did:plc identities. */
  plcDirectory: string;
}

/** The services of the hold. */
export type HoldContext = Awaited<ReturnType<typeof createHold>>;

const HOUR_MS = 3_600_000;

/** Opens identity and repo, and starts nothing; `start.settle` comes before the first request. */
export async function createHold(deps: HoldContextDeps) {
  const { config, kv, clock, log, metrics, store, identities } = deps;
  const settings = config.hold;
  const baseUrl = settings.public_url;
  const { host } = new URL(baseUrl);
  const { did, signer, document } = await openHoldIdentity(deps);
  const repo = await Repo.open({
    did,
    handle: handleOfHost(host),
    kv,
    signer,
    validator: { assertRecord, assertRecordKey },
    clock,
    logger: log,
    retention: {
      ...DEFAULT_RETENTION,
      maxAgeMs: settings.firehose_retention_hours * HOUR_MS,
    },
  });
  const access = new HoldAccess({ records: repo, clock });
  const crew = new HoldCrew({ records: repo, access, clock });
  const rows = new BlobRows({ kv, clock });
  const uploaders = new BlobUploaders(kv);
  const damage = new DamageReporter({ rows, log, metrics: metrics.hold });
  const keys = new StorageKeys(config.storage.s3.prefix);
  const quota = new HoldQuota({
    kv,
    clock,
    access,
    tiers: Object.entries(settings.quota.tiers).map(([name, tier]) => ({
      name,
      quota: tier.quota,
    })),
    defaultTier: settings.quota.default_tier,
  });
  const layers = new LayerIndex({ kv, clock, claims: quota.ledger });
  const layerRecords = new LayerRecords({ records: repo, rows, layers, clock });
  const stats = new HoldStats({ records: repo, clock, log });
  const posts = new HoldPosts({
    kv,
    clock,
    access,
    handleOf: (owner) =>
      identities.resolve(owner).then(
        ({ handle }) => handle,
        () => undefined,
      ),
    registryUrl: config.server.base_url,
  });
  const presign = settings.presigned_urls;
  const graceMs = settings.gc.grace_hours * HOUR_MS;
  const pdsBlobs = new RepoBlobs({
    did,
    kv,
    store,
    objectKey: (id) => keys.pdsBlob(id),
    clock,
    log,
  });
  return {
    did,
    baseUrl,
    trustedRegistries: settings.trusted_registries,
    account: { did, handle: handleOfHost(host) },
    didDocument: document,
    repo,
    firehose: new Firehose({
      log: repo.log,
      live: repo.live,
      clock,
      logger: log,
      limits: {
        ...DEFAULT_FIREHOSE_LIMITS,
        maxConsumers: config.hold.firehose_max_consumers,
        maxPerClient: config.hold.firehose_per_address,
      },
    }),
    pdsBlobs,
    start: holdStart({ ...deps, repo, pdsBlobs }),
    tokens: new ServiceAuthVerifier({
      kv,
      clock,
      identities,
      audience: did,
      service: "#atcr_hold",
    }),
    tickets: new ReadTickets({ kv, clock }),
    access,
    captainRecords: new CaptainRecords({ access, records: repo }),
    crew,
    layerRecords,
    quota,
    stats,
    posts,
    notify: new HoldNotify({
      kv,
      records: repo,
      access,
      layers,
      layerRecords,
      quota,
      stats,
      posts,
      clock,
      log,
      metrics: metrics.hold,
    }),
    userData: new HoldUserData({
      records: repo,
      access,
      crew,
      layers,
      layerRecords,
      clock,
    }),
    uploads: new HoldUploads({
      kv,
      store,
      keys,
      rows,
      clock,
      log,
      quota: quota.rooms,
      baseUrl,
      presign,
      maxBlobBytes: settings.max_blob_bytes,
      ttlMs: config.registry.upload_ttl_hours * HOUR_MS,
    }),
    blobs: new HoldBlobs({ store, keys, rows, damage, clock, log, presign }),
    scrubs: [
      new BlobScrub({ store, keys, rows, damage }),
      new RepoBlobScrub(pdsBlobs),
    ],
    gc: new HoldGc({
      store,
      keys,
      records: repo,
      rows,
      uploaders,
      layers,
      charges: quota.ledger,
      census: new ManifestCensus({
        did,
        kv,
        source: deps.manifests,
        access,
        crew,
        layers,
        layerRecords,
        clock,
        log,
        graceMs,
      }),
      clock,
      log,
      graceMs,
    }),
  };
}
