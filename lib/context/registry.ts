/**
 * Builds the registry.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader, PdsSession } from "../atproto/pds/pds.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { JobRunner } from "../kv/job_runner.ts";
import type { Kv } from "../kv/kv.ts";
import { LargeValues } from "../kv/large_value.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { BlobIndex } from "../registry/blob_index.ts";
import { Blobs } from "../registry/blobs.ts";
import { ManifestContent } from "../registry/manifests/content.ts";
import { ContentScrub } from "../registry/manifests/content_scrub.ts";
import type { ScrubSource } from "../scrub/source.ts";
import { Discovery } from "../registry/manifests/discovery.ts";
import type { TargetRules } from "../net/client_target.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { Holds } from "../registry/holds.ts";
import { Lists } from "../registry/lists/lists.ts";
import { HeardRows } from "../registry/manifests/heard_rows.ts";
import { ManifestImport } from "../registry/manifests/manifest_import.ts";
import { ManifestIndex } from "../registry/manifests/manifest_index.ts";
import { ManifestPush } from "../registry/manifests/manifest_push.ts";
import {
  ManifestRemoval,
  REMOVAL,
} from "../registry/manifests/manifest_removal.ts";
import { ManifestUses } from "../registry/manifests/manifest_uses.ts";
import { Manifests } from "../registry/manifests/manifests.ts";
import { Mounts } from "../registry/mounts.ts";
import { HiddenRepositories } from "../registry/owners/hidden_repositories.ts";
import { OwnerNames } from "../registry/manifests/owner_names.ts";
import { RecordCheck } from "../registry/manifests/record_check.ts";
import { OwnerReader } from "../registry/owners/owner_reader.ts";
import { OwnerRecords } from "../registry/owners/owner_records.ts";
import { Owners } from "../registry/owners/owners.ts";
import { PUSH_DELIVERY, PushDeliveries } from "../registry/push_delivery.ts";
import type { HoldFetch } from "../registry/remote_hold/remote_calls.ts";
import { RemoteHold } from "../registry/remote_hold/remote_hold.ts";
import { RepositoryList } from "../registry/lists/repository_list.ts";
import { TaggedReferrers } from "../registry/lists/tagged_referrers.ts";
import { Uploads } from "../registry/uploads.ts";
import { WriteLeases } from "../registry/write_leases.ts";

/** What {@linkcode createRegistry} needs. */
export interface RegistryContextDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  log: Logger;
  /** Where the registry's jobs are done. */
  jobs: JobRunner;
  metrics: Metrics;
  identities: IdentityResolver;
  pds: PdsReader;
  hosting: Hosting;
  fetch: HoldFetch;
  /** Origins that may be reached without https in test mode and in the sandbox. */
  plainOrigins: readonly string[];
  session: (did: Did) => Promise<PdsSession | undefined>;
  /** Our own hold, where one runs here. */
  ownHold: HoldClient | undefined;
  defaultHold: Did;
}

/** The services of the registry. */
export interface RegistryContext {
  readonly owners: Owners;
  readonly uploads: Uploads;
  readonly mounts: Mounts;
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly push: ManifestPush;
  /** Undefined where holds are not told of pushes. */
  readonly deliveries: PushDeliveries | undefined;
  readonly lists: Lists;
  /** What a scrub reads again. */
  readonly scrubs: readonly ScrubSource[];
  readonly content: ManifestContent;
}

const HOUR_MS = 3_600_000;

/** Joins the services of the registry. */
export function createRegistry(deps: RegistryContextDeps): RegistryContext {
  const { config, kv, clock, log, metrics, identities, pds } = deps;
  const { defaultHold, fetch, session } = deps;
  const settings = config.registry;
  const ttlMs = settings.upload_ttl_hours * HOUR_MS;
  const holds = new Holds({
    own: deps.ownHold,
    identities,
    remote: (did, origin) =>
      new RemoteHold({
        did,
        origin,
        fetch,
        targets: targetRules(config, deps.plainOrigins, did),
        session,
        kv,
        clock,
        log,
        uploadTtlMs: ttlMs,
      }),
  });
  const index = new ManifestIndex(kv);
  const leases = new WriteLeases(kv, clock, index.removals);
  const heard = new HeardRows(kv);
  const values = new LargeValues(kv, clock);
  const content = new ManifestContent({
    kv,
    clock,
    values,
    maxCachedBytes: settings.cached_manifests_mb * 1024 * 1024,
    watch: { log, damaged: () => metrics.manifestsDamaged.inc() },
  });
  const records = new OwnerRecords(pds);
  const removal = new ManifestRemoval({
    kv,
    clock,
    log,
    leases,
    index,
    records,
    session,
  });
  deps.jobs.register(REMOVAL, (work, run) => removal.run(work, run));
  const { hosting } = deps;
  const repositories = new RepositoryList(kv);
  const reader = new OwnerReader({
    log,
    pds,
    hosting,
    maxManifestBytes: settings.max_manifest_bytes,
  });
  const owners = new Owners({
    kv,
    clock,
    log,
    identities,
    reader,
    hosting,
    defaultHold,
  });
  const hidden = new HiddenRepositories({ holds, repositories, owners });
  const blobIndex = new BlobIndex(kv);
  const uses = new ManifestUses({
    kv,
    bytes: async (ref, digest) =>
      await content.get(digest) ??
        await discovery.bytes(
          await identities.resolve(ref.did),
          ref.repo,
          digest,
        ),
    allowed: settings.delete_in_use,
  });
  const blobs = new Blobs({
    kv,
    uses,
    holds,
    hidden,
    index: blobIndex,
    log,
    delivery: settings.delivery,
    directBytes: settings.direct_blob_bytes,
  });
  const tagRecheckMs = settings.tag_recheck_seconds * 1000;
  const names = new OwnerNames({
    kv,
    clock,
    log,
    relistMs: 10 * tagRecheckMs,
    reader,
    index,
    heard,
    defaultHold,
  });
  const discovery = new Discovery({
    kv,
    clock,
    log,
    reader,
    index,
    heard,
    names,
    content,
    imports: new ManifestImport({
      blobs: blobIndex,
      clock,
      reader,
      limits: new RateLimiter(kv, clock),
      index,
      heard,
      content,
      defaultHold,
    }),
  });
  const deliveries = settings.notify_holds
    ? new PushDeliveries({ kv, clock, log, metrics, holds, index, content })
    : undefined;
  if (deliveries) {
    deps.jobs.register(
      PUSH_DELIVERY,
      (delivery) => deliveries.redeliver(delivery),
    );
  }
  return {
    owners,
    blobs,
    mounts: new Mounts({ holds, blobs: blobIndex }),
    content,
    deliveries,
    scrubs: [new ContentScrub(kv, values)],
    uploads: new Uploads({
      kv,
      clock,
      holds,
      blobs: blobIndex,
      log,
      metrics,
      ttlMs,
    }),
    manifests: new Manifests({
      clock,
      leases,
      log,
      metrics,
      holds,
      hidden,
      index,
      discovery,
      records,
      recordCheck: new RecordCheck({
        kv,
        clock,
        log,
        leases,
        reader,
        index,
        discovery,
        intervalMs: tagRecheckMs,
      }),
      removal,
      uses,
      tagRecheckMs,
    }),
    push: new ManifestPush({
      clock,
      leases,
      metrics,
      holds,
      owners,
      index,
      content,
      blobs,
      records,
      deliveries,
      allowMissingBlobs: settings.allow_missing_blobs,
    }),
    lists: new Lists({
      clock,
      log,
      hosting,
      holds,
      index,
      hidden,
      repositories,
      content,
      discovery,
      names,
      taggedReferrers: new TaggedReferrers({ log, index, discovery }),
    }),
  };
}

/** What the hold `did` may have clients fetch; only the operator's choice may be reached under our own address. */
function targetRules(
  { server, sandbox }: Config,
  plainOrigins: readonly string[],
  did: Did,
): TargetRules {
  return {
    plain: server.test_mode || sandbox.enabled,
    plainOrigins,
    ownOrigins: did === server.default_hold_did ? [] : [
      server.base_url,
      ...server.registry_domains.map((host) =>
        `${new URL(server.base_url).protocol}//${host}`
      ),
    ],
  };
}
