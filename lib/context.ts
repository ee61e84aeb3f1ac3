/**
 * Everything the program is made of, built once from the configuration. The
 * only place that names drivers. Tests replace parts by `overrides`.
 *
 * @module
 */

import type { IdentityResolver } from "./atproto/identity/identity.ts";
import { createGuardedFetch, type GuardedFetch } from "./net/guarded_fetch.ts";
import { Hosting } from "./atproto/hosting/hosting.ts";
import { RepoStatusReader } from "./atproto/hosting/repo_status.ts";
import type { PdsReader } from "./atproto/pds/pds.ts";
import { PdsClient } from "./atproto/pds/pds_client.ts";
import { PdsPace, PdsSilence } from "./atproto/pds/pds_pace.ts";
import { SecretBox } from "./crypto/secret_box.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { type Branding, readBranding } from "./context/pictures/branding.ts";
import { Readiness, readinessChecks } from "./context/readiness.ts";
import { readSecret } from "./context/secrets.ts";
import { openStore } from "./context/storage.ts";
import { JobRunner } from "./kv/jobs/job_runner.ts";
import type { Kv } from "./kv/kv.ts";
import { Instance } from "./kv/operating/instance.ts";
import { ReadOnlyMode } from "./kv/operating/read_only.ts";
import { migrate } from "./kv/operating/schema_version.ts";
import type { Logger } from "./log.ts";
import { Metrics } from "./metrics.ts";
import type { Tracing } from "./tracing.ts";
import { meteredFetch } from "./context/metered/fetch.ts";
import { watchGauges } from "./context/metered/gauges.ts";
import { MeteredKv } from "./context/metered/kv.ts";
import { MeteredBlobStore } from "./context/metered/store.ts";
import { Scrubber } from "./scrub/scrubber.ts";
import type { BlobStore } from "./storage/blob_store.ts";
import { openKv } from "./kv/open_kv.ts";
import {
  openIdentities,
  plainOrigins,
  type SandboxNetwork,
  userAgent,
} from "./context/network.ts";
import type { Platform } from "./context/platform.ts";
import type { ScrubSource } from "./scrub/source.ts";
import { type Base, createServices, type Services } from "./context/roles.ts";

/** Parts that tests replace, and services already started. */
export interface Overrides {
  kv?: Kv;
  clock?: Clock;
  store?: BlobStore;
  identities?: IdentityResolver;
  pds?: PdsReader;
  sandbox?: SandboxNetwork;
  /** Makes spans of calls; none by default. */
  tracing?: Tracing | undefined;
}

/** Everything that the routes use. */
export interface AppContext extends Services {
  readonly config: Config;
  /** How pages and pictures look. */
  readonly branding: Branding;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Makes spans; undefined where the runtime exports none. */
  readonly tracing: Tracing | undefined;
  readonly kv: Kv;
  /** Durable jobs, retried across failures and restarts. */
  readonly jobs: JobRunner;
  /** This process among those that share the store; the server starts it. */
  readonly instance: Instance;
  readonly readOnly: ReadOnlyMode;
  readonly store: BlobStore;
  readonly fetch: GuardedFetch;
  readonly identities: IdentityResolver;
  /** Checks that must pass before requests are served. */
  readonly readiness: Readiness;
  /** Rereads stored content to find damage. */
  readonly scrubber: Scrubber;
  /** Closes all resources; call it when no request is running any more. */
  close(): void;
}

/**
 * Builds the context. Throws AppError `UNAVAILABLE`, with advice, when a part
 * cannot be created, and a ConfigError where the logo cannot be shown.
 */
export async function createContext(
  config: Config,
  log: Logger,
  overrides: Overrides = {},
): Promise<AppContext> {
  const clock = overrides.clock ?? systemClock;
  const branding = await readBranding(config);
  const { sandbox } = overrides;
  const box = new SecretBox(await readSecret(config));
  const plain = overrides.kv ??
    await openKv(config.kv.location, clock, { poolSize: config.kv.pool_size });
  await migrate(plain, clock);
  const readOnly = new ReadOnlyMode({
    ...{ kv: plain, clock },
    always: config.server.read_only,
  });
  const metrics = new Metrics(overrides.tracing);
  const kv = new MeteredKv(plain, metrics.system);
  const platform: Platform = { kv, clock, log, metrics };
  const jobs = new JobRunner({
    ...platform,
    isPaused: () => readOnly.isOn(),
  });
  const store = new MeteredBlobStore(
    overrides.store ?? openStore(config.storage, clock),
    metrics.system,
  );
  const instance = new Instance(platform);
  const origins = plainOrigins(config, sandbox);
  const fetch = meteredFetch(
    createGuardedFetch({
      userAgent: userAgent(config),
      allowedOrigins: origins,
      clock,
    }),
    metrics.system,
    sandbox?.plc ?? config.identity.plc_url,
  );
  const identities = overrides.identities ??
    openIdentities(config, { ...platform, fetch, sandbox });
  const silence = new PdsSilence(clock);
  const pds = overrides.pds ??
    new PdsClient(fetch, new PdsPace(clock), silence);
  const hosting = new Hosting({
    ...platform,
    identities,
    statuses: new RepoStatusReader(fetch, silence),
    recheckMs: config.registry.tag_recheck_seconds * 1000,
  });
  const base = {
    ...platform,
    branding,
    ...{ config, box, store, jobs, instance, fetch, identities, pds, hosting },
    silence,
    plainOrigins: origins,
  };
  const services = await createServices(base, sandbox);
  const { hold, avatars, webhooks, index, live, share } = services;
  watchGauges({ metrics, kv: plain, clock, jobs, hold });
  return {
    ...platform,
    tracing: overrides.tracing,
    config,
    branding,
    jobs,
    instance,
    readOnly,
    store,
    fetch,
    identities,
    ...services,
    readiness: createReadiness(base, services),
    scrubber: new Scrubber({ ...platform, sources: scrubsOf(services) }),
    close: () => {
      avatars?.close();
      hold?.repo.close();
      webhooks?.close();
      live?.close();
      share.close();
      index?.close();
      fetch.close();
      kv.close();
    },
  };
}

function createReadiness(
  { kv, clock, log, store }: Base,
  { hold, avatars }: Services,
): Readiness {
  const checks = readinessChecks({
    kv,
    store: hold && store,
    avatars,
    access: hold?.access,
  }, clock);
  return new Readiness({ checks, clock, log });
}

function scrubsOf({ hold, registry, avatars }: Services): ScrubSource[] {
  return [hold, registry, avatars].flatMap((one) => [...one?.scrubs ?? []]);
}
