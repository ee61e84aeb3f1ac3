/**
 * Builds the hold: its identity, its signed repo, and the services around it.
 *
 * @module
 */

import type { Instance } from "../kv/operating/instance.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { assertRecord } from "../atproto/lexicon/record_validator.ts";
import { ServiceAuthVerifier } from "../atproto/service_auth.ts";
import type { Config } from "../config/config.ts";
import { BlobRows } from "../hold/blobs/blob_rows.ts";
import { DamageReporter } from "../hold/blobs/damage.ts";
import { BlobScrub } from "../hold/blobs/blob_scrub.ts";
import { BlobUploaders } from "../hold/blobs/uploaders.ts";
import { HoldBlobs } from "../hold/blobs/blobs.ts";
import { HoldReindex } from "../hold/reindex/reindex.ts";
import { ReadTickets } from "../hold/blobs/read_tickets.ts";
import { feedRows } from "../hold/feeds/feed_rows.ts";
import { HoldUploads } from "../hold/uploads/uploads.ts";
import { RepoBlobScrub } from "../repo/blob_scrub.ts";
import { RepoBlobs } from "../repo/blobs.ts";
import {
  type DidDocument,
  handleOfHost,
} from "../repo/identity/did_document.ts";
import { DEFAULT_RETENTION } from "../repo/events/event_log.ts";
import { Firehose } from "../repo/events/firehose.ts";
import { Repo } from "../repo/repo.ts";
import type { JoinCommit } from "../repo/types.ts";
import type { KeyBox } from "../repo/identity/signing_key.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { StorageKeys } from "../storage/object_keys.ts";
import { type HoldIdentity, openHoldIdentity } from "./hold_identity.ts";
import { type HoldStart, holdStart } from "./hold_start.ts";
import type { Did } from "../did.ts";
import type { ManifestSource } from "../hold/gc/manifest_census.ts";
import { createHoldServices, type HoldServices } from "../hold/services.ts";
import type { SharePictures } from "../share/share_pictures.ts";
import { type Branding, shareBrand } from "./pictures/branding.ts";
import { postPicture } from "./pictures/post_picture.ts";
import type { ScrubSource } from "../scrub/source.ts";
import type { Platform } from "./platform.ts";
import { DEFAULT_FIREHOSE_LIMITS } from "../repo/events/firehose_limits.ts";

export interface HoldContextDeps extends Platform {
  config: Config;
  branding: Branding;
  store: BlobStore;
  box: KeyBox;
  identities: IdentityResolver;
  manifests: ManifestSource;
  fetch: GuardedFetch;
  instance: Instance;
  /** Origin of the directory of did:plc identities. */
  plcDirectory: string;
  /** Draws the pictures of posts. */
  share: Pick<SharePictures, "get">;
  /** Adds rows to the commits of the hold `did`. */
  join: (did: Did) => JoinCommit;
}

/** The hold: its identity and its services. */
export interface HoldContext extends HoldServices {
  readonly did: Did;
  /** Public origin of the hold. */
  readonly baseUrl: string;
  readonly trustedRegistries: Config["hold"]["trusted_registries"];
  readonly account: { readonly did: Did; readonly handle: string };
  readonly didDocument: DidDocument;
  readonly repo: Repo;
  readonly firehose: Firehose;
  readonly pdsBlobs: RepoBlobs;
  readonly start: HoldStart;
  /** Verifies service tokens of callers. */
  readonly tokens: ServiceAuthVerifier;
  readonly tickets: ReadTickets;
  readonly uploads: HoldUploads;
  readonly blobs: HoldBlobs;
  readonly reindex: HoldReindex;
  /** Sources for scrubs. */
  readonly scrubs: readonly ScrubSource[];
}

const HOUR_MS = 3_600_000;

/**
 * Opens identity and repo without starting anything; call `start.settle` before
 * the first request.
 */
export async function createHold(deps: HoldContextDeps): Promise<HoldContext> {
  const { config, kv, clock, log, store, identities } = deps;
  const settings = config.hold;
  const baseUrl = settings.public_url;
  const identity = await openHoldIdentity(deps);
  const { did } = identity;
  const account = { did, handle: handleOfHost(new URL(baseUrl).host) };
  const repo = await openRepo(deps, identity);
  const keys = new StorageKeys(config.storage.prefix);
  const objectKey = (id: string) => keys.pdsBlob(id);
  const pdsBlobs = new RepoBlobs({ did, kv, store, objectKey, clock, log });
  const rows = new BlobRows({ kv, clock });
  const services = recordServices(deps, { keys, repo, rows, pdsBlobs });
  return {
    ...services,
    did,
    baseUrl,
    trustedRegistries: settings.trusted_registries,
    account,
    didDocument: identity.document,
    repo,
    firehose: openFirehose(deps, repo),
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
    ...blobServices(deps, { keys, repo, rows, pdsBlobs }, services),
  };
}

/** The signed repo of the hold. */
function openRepo(
  { config, kv, clock, log, join, metrics }: HoldContextDeps,
  { did, signer }: HoldIdentity,
): Promise<Repo> {
  const { public_url, firehose_retention_hours } = config.hold;
  const others = join(did);
  return Repo.open({
    did,
    handle: handleOfHost(new URL(public_url).host),
    kv,
    signer,
    validator: { assertRecord },
    join: (edits, rev) => [...feedRows(edits), ...others(edits, rev)],
    observer: metrics.hold,
    clock,
    logger: log,
    retention: {
      ...DEFAULT_RETENTION,
      maxAgeMs: firehose_retention_hours * HOUR_MS,
    },
  });
}

/** Creates the firehose of the repo. */
function openFirehose({ config, clock, log }: HoldContextDeps, repo: Repo) {
  return new Firehose({
    log: repo.log,
    live: repo.live,
    clock,
    logger: log,
    limits: {
      ...DEFAULT_FIREHOSE_LIMITS,
      maxConsumers: config.hold.firehose_max_consumers,
      maxPerClient: config.hold.firehose_per_address,
    },
  });
}

/** Crew, records, quota, posts and garbage collection. */
function recordServices(
  deps: HoldContextDeps,
  parts: {
    keys: StorageKeys;
    repo: Repo;
    rows: BlobRows;
    pdsBlobs: RepoBlobs;
  },
): HoldServices {
  const { config, identities, metrics } = deps;
  const { quota, gc } = config.hold;
  return createHoldServices({
    ...deps,
    ...parts,
    metrics: metrics.hold,
    records: parts.repo,
    uploaders: new BlobUploaders(deps),
    tiers: Object.entries(quota.tiers).map(([name, tier]) => ({
      name,
      quota: tier.quota,
    })),
    defaultTier: quota.default_tier,
    handleOf: (owner) =>
      identities.resolve(owner).then(
        ({ handle }) => handle,
        () => undefined,
      ).then((handle) => {
        if (handle === undefined) metrics.hold.handleMissing();
        return handle;
      }),
    registryUrl: config.server.base_url,
    pictureOf: postPicture({
      ...{ ...deps, pdsBlobs: parts.pdsBlobs },
      brand: shareBrand(deps.branding),
    }),
    postHashtags: config.hold.post_hashtags,
    source: deps.manifests,
    graceMs: gc.grace_hours * HOUR_MS,
    layerRecordsEnabled: config.hold.layer_records,
  });
}

/** Creates the services for uploads, blobs, reindexing and scrubs. */
function blobServices(
  deps: HoldContextDeps,
  parts: {
    keys: StorageKeys;
    repo: Repo;
    rows: BlobRows;
    pdsBlobs: RepoBlobs;
  },
  services: HoldServices,
): Pick<HoldContext, "uploads" | "blobs" | "reindex" | "scrubs"> {
  const { config, log, metrics } = deps;
  const { rows, pdsBlobs } = parts;
  const settings = config.hold;
  const damage = new DamageReporter({ rows, log, metrics: metrics.hold });
  const common = {
    ...deps,
    ...parts,
    damage,
    presign: settings.presigned_urls,
  };
  return {
    uploads: new HoldUploads({
      ...common,
      quota: services.quota.rooms,
      baseUrl: settings.public_url,
      maxBlobBytes: settings.max_blob_bytes,
      ttlMs: settings.upload_ttl_hours * HOUR_MS,
    }),
    blobs: new HoldBlobs(common),
    reindex: new HoldReindex({ ...common, ...services, records: parts.repo }),
    scrubs: [new BlobScrub(common), new RepoBlobScrub(pdsBlobs)],
  };
}
