/**
 * Everything the program is made of, built once from the configuration. The
 * only place that names drivers. Tests replace parts by `overrides`.
 *
 * @module
 */

import type { Did } from "./did.ts";
import type { IdentityResolver } from "./atproto/identity/identity.ts";
import { createGuardedFetch, type GuardedFetch } from "./net/guarded_fetch.ts";
import { Hosting } from "./atproto/hosting/hosting.ts";
import { RepoStatusReader } from "./atproto/hosting/repo_status.ts";
import type { PdsReader } from "./atproto/pds/pds.ts";
import { PdsClient } from "./atproto/pds/pds_client.ts";
import { SecretBox } from "./crypto/secret_box.ts";
import type { NetworkEvents } from "./avatar/network_events.ts";
import type { AvatarService } from "./avatar/service.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import {
  type AuthContext,
  type AuthContextDeps,
  createAuth,
} from "./context/auth.ts";
import { createAvatars, createNetworkEvents } from "./context/avatar.ts";
import { createHold, type HoldContext } from "./context/hold.ts";
import { Readiness, readinessChecks } from "./context/readiness.ts";
import { createRegistry, type RegistryContext } from "./context/registry.ts";
import { manifestSource } from "./context/manifest_source.ts";
import { localSecret } from "./context/secrets.ts";
import { openStore } from "./context/storage.ts";
import { AppError } from "./errors.ts";
import { JobRunner } from "./kv/job_runner.ts";
import { LargeValues } from "./kv/large_value.ts";
import type { Kv } from "./kv/kv.ts";
import type { Logger } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { registryKeys } from "./registry/kv_keys.ts";
import { LocalHold } from "./registry/local_hold.ts";
import { Scrubber } from "./scrub/scrubber.ts";
import type { BlobStore } from "./storage/blob_store.ts";
import { openKv } from "./kv/open_kv.ts";
import {
  openIdentities,
  plainOrigins,
  type SandboxNetwork,
} from "./context/network.ts";
import type { Platform } from "./context/platform.ts";
import type { ScrubSource } from "./scrub/source.ts";

/** Parts that tests bring themselves, and what was started before. */
export interface Overrides {
  kv?: Kv;
  clock?: Clock;
  store?: BlobStore;
  identities?: IdentityResolver;
  pds?: PdsReader;
  sandbox?: SandboxNetwork;
}

/** Everything the routes are given. */
export interface AppContext {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly kv: Kv;
  /** Work that must be done one day, however often something fails or dies. */
  readonly jobs: JobRunner;
  readonly store: BlobStore;
  readonly fetch: GuardedFetch;
  readonly identities: IdentityResolver;
  readonly auth: AuthContext;
  /** Undefined where the role does not run. */
  readonly registry: RegistryContext | undefined;
  readonly hold: HoldContext | undefined;
  readonly avatars: AvatarService | undefined;
  /** Undefined where nothing tells of changes as they happen. */
  readonly avatarEvents: NetworkEvents | undefined;
  /** What has to work before requests are served. */
  readonly readiness: Readiness;
  /** Reads what is stored again. */
  readonly scrubber: Scrubber;
  /** Closes what is open; call it when no request runs any more. */
  close(): void;
}

/** Builds the context. Throws AppError `UNAVAILABLE` with what to do when a part cannot be had. */
export async function createContext(
  config: Config,
  log: Logger,
  overrides: Overrides = {},
): Promise<AppContext> {
  const clock = overrides.clock ?? systemClock;
  const { sandbox } = overrides;
  const box = new SecretBox(
    config.secret_key ?? await localSecret(config.data_dir),
  );
  const kv = overrides.kv ?? await openKv(config.kv.location, clock);
  const platform: Platform = { kv, clock, log, metrics: new Metrics() };
  const jobs = new JobRunner(platform);
  const store = overrides.store ?? openStore(config.storage, clock);
  const origins = plainOrigins(config, sandbox);
  const fetch = createGuardedFetch({
    userAgent: userAgent(config),
    allowedOrigins: origins,
    clock,
  });
  const identities = overrides.identities ??
    openIdentities(config, { ...platform, fetch, sandbox });
  const pds = overrides.pds ?? new PdsClient(fetch);
  const hosting = new Hosting({
    ...platform,
    identities,
    statuses: new RepoStatusReader(fetch),
    recheckMs: config.registry.tag_recheck_seconds * 1000,
  });
  const base = {
    ...platform,
    ...{ config, box, store, jobs, fetch, identities, pds, hosting },
    plainOrigins: origins,
  };
  const services = await createServices(base, sandbox);
  const { hold, avatars } = services;
  return {
    ...platform,
    config,
    jobs,
    store,
    fetch,
    identities,
    ...services,
    readiness: createReadiness(base, services),
    scrubber: new Scrubber({ ...platform, sources: scrubsOf(services) }),
    close: () => {
      avatars?.close();
      hold?.repo.close();
      fetch.close();
      kv.close();
    },
  };
}

/** What the services of all roles are built from. */
interface Base extends Platform {
  readonly config: Config;
  readonly box: SecretBox;
  readonly store: BlobStore;
  readonly jobs: JobRunner;
  readonly fetch: GuardedFetch;
  readonly identities: IdentityResolver;
  readonly pds: PdsReader;
  readonly hosting: Hosting;
  readonly plainOrigins: readonly string[];
}

type Services = Pick<
  AppContext,
  "auth" | "registry" | "hold" | "avatars" | "avatarEvents"
>;

/** The services of the roles that run here. */
async function createServices(
  base: Base,
  sandbox: SandboxNetwork | undefined,
): Promise<Services> {
  const { config, hosting, log } = base;
  const runs = (role: Config["server"]["roles"][number]) =>
    config.server.roles.includes(role);
  const hold = runs("hold")
    ? await createHold({
      ...base,
      plcDirectory: sandbox?.plc ?? config.identity.plc_url,
      manifests: manifests(base),
    })
    : undefined;
  const onLogin: AuthContextDeps["onLogin"] = async (identity, session) => {
    await registry?.owners.ensureProfile(identity, session).catch((error) =>
      log.warn("sailor profile not written", { did: identity.did, error })
    );
  };
  const auth = createAuth({
    ...base,
    onWritten: (did) => hosting.written(did),
    onLogin,
  });
  const registry = runs("registry")
    ? createRegistry({
      ...base,
      session: auth.session,
      ownHold: hold && localHold(hold),
      defaultHold: defaultHold(config, hold?.did),
    })
    : undefined;
  const avatars = runs("avatar") ? createAvatars(base) : undefined;
  const avatarEvents = avatars &&
    createNetworkEvents(base, config, avatars, hosting, userAgent(config));
  return { auth, registry, hold, avatars, avatarEvents };
}

/** Manifests as the hold reads them: what the registry has stored, else from the owner's PDS. */
function manifests({ config, kv, clock, identities, pds }: Base) {
  return manifestSource({
    identities,
    pds,
    maxManifestBytes: config.registry.max_manifest_bytes,
    stored: (digest) =>
      new LargeValues(kv, clock).get(registryKeys.content(digest)),
  });
}

/** The hold of this process as the registry calls it. */
function localHold(hold: HoldContext): LocalHold {
  return new LocalHold({
    ...hold,
    admitPush: (event) => hold.notify.admit(event),
    notifyPush: async (caller, event) => {
      await hold.notify.push(caller, event);
    },
    blobUnlinked: async (owner, digest) => {
      await hold.quota.ledger.released(owner, [digest]);
    },
    manifestDeleted: async (owner, digest) => {
      await hold.layerRecords.manifestDeleted(owner, digest);
    },
    countPull: ({ owner, repository }) =>
      hold.notify.pull({ owner, repository }),
  });
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

function userAgent({ server }: Config): string {
  return `${server.client_name} (+${server.base_url})`;
}

/** The hold of owners who have not chosen one. */
function defaultHold(config: Config, own: Did | undefined): Did {
  const did = config.server.default_hold_did ?? own;
  if (did !== undefined) return did;
  throw new AppError(
    "UNAVAILABLE",
    "No hold is known: run one here (role hold) or set server.default_hold_did.",
  );
}
