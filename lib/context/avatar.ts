/**
 * Builds the avatar service.
 *
 * @module
 */

import type { IdentityResolver } from "../atproto/identity.ts";
import type { PdsReader } from "../atproto/pds.ts";
import {
  type AvatarOptions,
  DEFAULT_AVATAR_OPTIONS,
} from "../avatar/options.ts";
import { AvatarService } from "../avatar/service.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { openStore } from "./storage.ts";

/** What {@linkcode createAvatars} needs. */
export interface AvatarContextDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  log: Logger;
  /** The hold's store, used where avatars have none of their own. */
  store: BlobStore;
  identities: IdentityResolver;
  pds: PdsReader;
}

/** Builds the service; its workers start with `start`. */
export function createAvatars(deps: AvatarContextDeps): AvatarService {
  const { config, kv, clock, log, identities, pds } = deps;
  const { storage, public_host } = config.avatar;
  // A store that serves the public needs to know its public host.
  const store = storage === config.storage && public_host === undefined
    ? deps.store
    : openStore(storage, clock, public_host);
  return new AvatarService(
    { kv, clock, log, store, identities, pds },
    optionsOf(config),
  );
}

function optionsOf({ avatar, server }: Config): AvatarOptions {
  const { limits, pool } = DEFAULT_AVATAR_OPTIONS;
  return {
    ...DEFAULT_AVATAR_OPTIONS,
    baseUrl: server.base_url,
    // The hold's own bucket is private; pictures in it come through us.
    publicObjects: avatar.s3.bucket !== undefined ||
      avatar.public_host !== undefined,
    collections: avatar.profile_collections,
    profileTtlMs: avatar.profile_ttl_seconds * 1000,
    negativeTtlMs: avatar.negative_ttl_seconds * 1000,
    staleTtlMs: avatar.stale_ttl_seconds * 1000,
    graceMs: avatar.old_variant_hours * 3_600_000,
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
