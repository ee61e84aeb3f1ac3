/**
 * Everything the program is made of, built once from the configuration. The
 * only place that names drivers. Tests replace parts by `overrides`.
 *
 * @module
 */

import type { Did } from "./did.ts";
import type { IdentityResolver } from "./atproto/identity/identity.ts";
import { DidResolver } from "./atproto/identity/did_resolver.ts";
import { createGuardedFetch, type GuardedFetch } from "./net/guarded_fetch.ts";
import { Hosting } from "./atproto/hosting/hosting.ts";
import { RepoStatusReader } from "./atproto/hosting/repo_status.ts";
import { HandleResolver } from "./atproto/identity/handle_resolver.ts";
import { CachedIdentityResolver } from "./atproto/identity/identity_resolver.ts";
import type { PdsReader } from "./atproto/pds/pds.ts";
import { PdsClient } from "./atproto/pds/pds_client.ts";
import { SecretBox } from "./crypto/secret_box.ts";
import type { NetworkEvents } from "./avatar/network_events.ts";
import type { AvatarService } from "./avatar/service.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { type AuthContext, createAuth } from "./context/auth.ts";
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

/** The sandbox network, where one runs. */
export interface SandboxNetwork {
  readonly pds: string;
  readonly plc: string;
}

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

/** Time for one request about an identity, in milliseconds. */
const IDENTITY_TIMEOUT_MS = 5_000;

/** Builds the context. Throws AppError `UNAVAILABLE` with what to do when a part cannot be had. */
export async function createContext(
  config: Config,
  log: Logger,
  overrides: Overrides = {},
): Promise<AppContext> {
  const clock = overrides.clock ?? systemClock;
  const metrics = new Metrics();
  const { sandbox } = overrides;
  const runs = (role: Config["server"]["roles"][number]) =>
    config.server.roles.includes(role);
  const secret = config.secret_key ?? await localSecret(config.data_dir);
  const box = new SecretBox(secret);
  const kv = overrides.kv ?? await openKv(config.kv.location, clock);
  const jobs = new JobRunner({ kv, clock, log });
  const store = overrides.store ?? openStore(config.storage, clock);
  const { client_name, base_url } = config.server;
  const userAgent = `${client_name} (+${base_url})`;
  const fetch = createGuardedFetch({
    userAgent,
    allowedOrigins: plainOrigins(config, sandbox),
    clock,
  });
  const identities = overrides.identities ??
    openIdentities(config, { kv, clock, log, fetch, sandbox });
  const pds = overrides.pds ?? new PdsClient(fetch);
  const hosting = new Hosting({
    kv,
    clock,
    log,
    identities,
    statuses: new RepoStatusReader(fetch),
    recheckMs: config.registry.tag_recheck_seconds * 1000,
  });
  const auth = createAuth({
    config,
    kv,
    clock,
    log,
    metrics,
    box,
    fetch,
    identities,
    plainOrigins: plainOrigins(config, sandbox),
    onWritten: (did) => hosting.written(did),
    onLogin: async (identity, session) => {
      await registry?.owners.ensureProfile(identity, session).catch((error) =>
        log.warn("sailor profile not written", { did: identity.did, error })
      );
    },
  });
  const hold = runs("hold")
    ? await createHold({
      config,
      kv,
      clock,
      log,
      store,
      box,
      metrics,
      identities,
      fetch,
      plcDirectory: sandbox?.plc ?? config.identity.plc_url,
      manifests: manifestSource({
        identities,
        pds,
        maxManifestBytes: config.registry.max_manifest_bytes,
        stored: (digest) =>
          new LargeValues(kv, clock).get(registryKeys.content(digest)),
      }),
    })
    : undefined;
  const ownHold = hold && new LocalHold({
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
  const registry = runs("registry")
    ? createRegistry({
      config,
      kv,
      clock,
      log,
      jobs,
      metrics,
      identities,
      pds,
      hosting,
      fetch,
      plainOrigins: plainOrigins(config, sandbox),
      session: auth.session,
      ownHold,
      defaultHold: defaultHold(config, hold?.did),
    })
    : undefined;
  const avatars = runs("avatar")
    ? createAvatars({ config, kv, clock, log, metrics, store, identities, pds })
    : undefined;
  const avatarEvents = avatars &&
    createNetworkEvents(
      { config, kv, clock, log, metrics },
      avatars,
      hosting,
      userAgent,
    );
  return {
    config,
    log,
    clock,
    metrics,
    kv,
    jobs,
    store,
    fetch,
    identities,
    auth,
    registry,
    hold,
    avatars,
    avatarEvents,
    readiness: new Readiness({
      checks: readinessChecks({
        kv,
        store: hold && store,
        avatars,
        access: hold?.access,
      }, clock),
      clock,
      log,
    }),
    scrubber: new Scrubber({
      kv,
      clock,
      log,
      sources: [
        ...hold?.scrubs ?? [],
        ...registry?.scrubs ?? [],
        ...avatars?.scrubs ?? [],
      ],
    }),
    close: () => {
      avatars?.close();
      hold?.repo.close();
      fetch.close();
      kv.close();
    },
  };
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

/** Origins that may be reached without https: the sandbox and ourselves beside it, and in test mode what the configuration names. */
function plainOrigins(
  config: Config,
  sandbox: SandboxNetwork | undefined,
): string[] {
  const origins = sandbox
    ? [
      sandbox.pds,
      sandbox.plc,
      config.server.base_url,
      config.hold.public_url,
    ]
    : [];
  if (!config.server.test_mode) return origins;
  const hold = config.server.default_hold_did?.replace(/^did:web:/, "")
    .replace("%3A", ":");
  return [
    ...origins,
    config.server.base_url,
    config.hold.public_url,
    config.identity.plc_url,
    ...config.identity.plain_origins,
    ...(hold === undefined || hold.startsWith("did:")
      ? []
      : [`http://${hold}`]),
  ];
}

function openIdentities(
  config: Config,
  deps: {
    kv: Kv;
    clock: Clock;
    log: Logger;
    fetch: GuardedFetch;
    sandbox: SandboxNetwork | undefined;
  },
): IdentityResolver {
  const { kv, clock, log, fetch, sandbox } = deps;
  const { plc_url, cache_ttl_seconds, stale_ttl_seconds } = config.identity;
  const timeoutMs = IDENTITY_TIMEOUT_MS;
  return new CachedIdentityResolver({
    kv,
    clock,
    log,
    ttlMs: cache_ttl_seconds * 1000,
    staleTtlMs: stale_ttl_seconds * 1000,
    negativeTtlMs: config.identity.negative_ttl_seconds * 1000,
    dids: new DidResolver({
      fetch,
      plcDirectories: sandbox ? [sandbox.plc, plc_url] : [plc_url],
      timeoutMs,
    }),
    handles: new HandleResolver({
      fetch,
      clock,
      timeoutMs,
      ...(sandbox ? { sandboxPds: sandbox.pds } : {}),
    }),
  });
}
