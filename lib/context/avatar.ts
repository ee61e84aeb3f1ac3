/**
 * Builds the avatar service.
 *
 * @module
 */

import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { readJetstream } from "../atproto/jetstream/jetstream.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import {
  type AvatarOptions,
  DEFAULT_AVATAR_OPTIONS,
} from "../avatar/options.ts";
import { NetworkEvents } from "../avatar/network_events.ts";
import { AvatarService } from "../avatar/service.ts";
import type { Config } from "../config/config.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { openStore } from "./storage.ts";
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
    : openStore(storage, clock, public_host);
  const observer = metrics.avatars;
  const service = new AvatarService(
    { ...deps, store, observer },
    optionsOf(config),
  );
  metrics.watchAvatarPool(() => service.stats);
  return service;
}

/** Creates the follower of network events; undefined if no server is configured. */
export function createNetworkEvents(
  platform: Platform,
  config: Config,
  avatars: AvatarService,
  hosting: Pick<Hosting, "noticed">,
  userAgent: string,
): NetworkEvents | undefined {
  const { clock, metrics } = platform;
  const { avatar, identity } = config;
  const { jetstream_url: url, profile_collections: collections } = avatar;
  if (url === undefined) return undefined;
  return new NetworkEvents(
    {
      ...platform,
      avatars: {
        invalidate: async (did, change) => {
          await avatars.invalidate(did, change);
          if (change.identity) await hosting.noticed(did);
        },
      },
      observer: metrics.avatars,
      open: (cursor, signal) =>
        readJetstream({ url, collections, cursor, userAgent }, clock, signal),
    },
    {
      collections,
      maxReplayMs: 1000 *
        Math.max(avatar.profile_ttl_seconds, identity.cache_ttl_seconds),
    },
  );
}

function optionsOf({ avatar, server }: Config): AvatarOptions {
  const { limits, pool } = DEFAULT_AVATAR_OPTIONS;
  return {
    ...DEFAULT_AVATAR_OPTIONS,
    baseUrl: server.base_url,
    publicHost: avatar.public_host,
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
    },
  };
}
