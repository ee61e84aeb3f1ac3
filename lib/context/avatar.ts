/**
 * Builds the avatar service.
 *
 * @module
 */

import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { JetstreamConsumer } from "../atproto/jetstream/consumer.ts";
import { readJetstream } from "../atproto/jetstream/jetstream.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import {
  type AvatarOptions,
  DEFAULT_AVATAR_OPTIONS,
} from "../avatar/options.ts";
import { EVENTS_LEASE, eventsCursorKey } from "../avatar/kv_keys.ts";
import { NetworkEvents } from "../avatar/network_events.ts";
import type { PoolStats } from "../avatar/pool/bounds.ts";
import { AvatarService } from "../avatar/service.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics.ts";
import { createGuardedFetch, type GuardedFetch } from "../net/guarded_fetch.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { userAgent } from "./network.ts";
import { MeteredBlobStore } from "./metered/store.ts";
import { openStore, storeIdOf } from "./storage.ts";
import type { Platform } from "./platform.ts";

export interface AvatarContextDeps extends Platform {
  config: Config;
  /** The hold's store, used if avatars have none of their own. */
  store: BlobStore;
  identities: IdentityResolver;
  pds: PdsReader;
}

/** Builds the service; its workers start with `start`. */
export function createAvatars(deps: AvatarContextDeps): AvatarService {
  const { config, clock, metrics } = deps;
  const { storage, public_host } = config.avatar;
  // A publicly readable store needs its public host.
  const store = storage === config.storage && public_host === undefined
    ? deps.store
    : new MeteredBlobStore(
      openStore(storage, clock, public_host),
      metrics.system,
    );
  const observer = metrics.avatars;
  const options = optionsOf(config);
  const publicUrl = options.publicObjects
    ? store.publicUrl?.("any")
    : undefined;
  const service = new AvatarService(
    {
      ...deps,
      store,
      observer,
      ...(publicUrl === undefined
        ? {}
        : { publicFetch: openPublicFetch(config, clock, publicUrl) }),
    },
    options,
  );
  watchPool(metrics, service);
  return service;
}

/** Requests to the operator's own bucket, which may be in a private network. */
function openPublicFetch(
  config: Config,
  clock: Clock,
  publicUrl: string,
): GuardedFetch {
  return createGuardedFetch({
    userAgent: userAgent(config),
    allowedOrigins: [new URL(publicUrl).origin],
    clock,
  });
}

/** Exports the statistics of the rendering pool. */
function watchPool(metrics: Metrics, service: AvatarService): void {
  const gauge = (name: string, help: string, key: keyof PoolStats) =>
    metrics.watch(
      "gauge",
      `atcr_avatar_${name}`,
      help,
      () => service.stats[key],
    );
  gauge("queue_length", "Pictures that wait to be made.", "waiting");
  gauge("workers", "Threads that make pictures.", "lanes");
  gauge("workers_busy", "Threads that make a picture now.", "busy");
  gauge(
    "workers_stuck",
    "Threads that were given up because a picture took too long.",
    "stuck",
  );
  const counter = (name: string, help: string, key: keyof PoolStats) =>
    metrics.watch(
      "counter",
      `atcr_avatar_${name}_total`,
      help,
      () => service.stats[key],
    );
  counter("renders", "Pictures made, failed ones included.", "done");
  counter("renders_refused", "Pictures refused by a full queue.", "refused");
}

/** Creates the consumer of network events that invalidates changed pictures. */
export function createNetworkEvents(
  { metrics }: Platform,
  { avatar }: Config,
  avatars: AvatarService,
  hosting: Pick<Hosting, "noticed">,
): NetworkEvents {
  return new NetworkEvents({
    avatars: {
      invalidate: async (did, change) => {
        await avatars.invalidate(did, change);
        if (change.identity) await hosting.noticed(did);
      },
    },
    observer: metrics.avatars,
    collections: avatar.profile_collections,
  });
}

/** Creates the stream of all profiles; undefined if no server is configured. */
export function createProfileStream(
  platform: Platform,
  config: Config,
  events: NetworkEvents,
): JetstreamConsumer | undefined {
  const { clock, metrics } = platform;
  const { avatar, identity } = config;
  const { jetstream_url, profile_collections: collections } = avatar;
  if (jetstream_url === undefined) return undefined;
  return new JetstreamConsumer(
    {
      ...platform,
      observer: metrics.streams,
      open: (url, cursor, signal) =>
        readJetstream(
          { url, collections, cursor, userAgent: userAgent(config) },
          clock,
          signal,
        ),
      take: (batch) => events.take(batch),
    },
    {
      name: "avatars",
      urls: [jetstream_url],
      lease: EVENTS_LEASE,
      placeKey: eventsCursorKey,
      // Everything cached before that has expired.
      maxReplayMs: 1000 *
        Math.max(avatar.profile_ttl_seconds, identity.cache_ttl_seconds),
    },
  );
}

function optionsOf({ avatar, server, origin }: Config): AvatarOptions {
  const { limits, pool } = DEFAULT_AVATAR_OPTIONS;
  return {
    ...DEFAULT_AVATAR_OPTIONS,
    baseUrl: server.base_url,
    baseUrlGuessed: !origin.settings.has("server.base_url"),
    publicHost: avatar.public_host,
    storeId: storeIdOf(avatar.storage),
    // The hold's own bucket is private; this server serves pictures in it.
    publicObjects: avatar.s3.bucket !== undefined ||
      avatar.public_host !== undefined,
    collections: avatar.profile_collections,
    profileTtlMs: avatar.profile_ttl_seconds * 1000,
    negativeTtlMs: avatar.negative_ttl_seconds * 1000,
    staleTtlMs: avatar.stale_ttl_seconds * 1000,
    graceMs: avatar.old_variant_hours * 3_600_000,
    maxPictureBytes: avatar.max_picture_bytes,
    maxStoredBytes: avatar.max_stored_bytes,
    clientPerMinute: avatar.client_limit_per_minute,
    clientSizesPerDay: avatar.client_sizes_per_day,
    allowedSizes: avatar.allowed_sizes ?? [],
    signingKeys: avatar.signing_keys,
    fallbackHosts: avatar.fallback_hosts,
    limits: {
      ...limits,
      maxBytes: avatar.max_source_bytes,
      maxSide: avatar.max_side,
    },
    pool: {
      ...pool,
      lanes: avatar.workers,
      queueLimit: avatar.queue_limit,
      maxWaitMs: avatar.queue_seconds * 1000,
    },
  };
}
