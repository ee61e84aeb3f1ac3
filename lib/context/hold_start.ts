/**
 * Start of a hold: updates its records from the configuration, writes its
 * profile and notifies relays.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { AppError, isAppError } from "../errors.ts";
import { bootstrapHold } from "../hold/bootstrap.ts";
import { ensureProfile } from "../hold/profile.ts";
import { captainSchema, COLLECTIONS, SELF } from "../hold/records.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { RepoBlobs } from "../repo/blobs.ts";
import { type CrawlAnswer, requestCrawl } from "../repo/events/crawl.ts";
import type { Repo } from "../repo/repo.ts";

export interface HoldStartDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  log: Logger;
  fetch: GuardedFetch;
  identities: IdentityResolver;
  repo: Repo;
  pdsBlobs: RepoBlobs;
}

/** Steps of the start; each is idempotent. */
export interface HoldStart {
  /**
   * Writes captain and owner from the configuration. Throws AppError
   * `UNAVAILABLE` when the owner cannot be resolved and there is none yet.
   */
  settle(): Promise<void>;
  /** Writes the Bluesky profile if posts are enabled. */
  ensureProfile(signal?: AbortSignal): Promise<void>;
  /** Asks `relays` (host names) to crawl the hold; throws like `requestCrawl`. */
  requestCrawl(
    relays: readonly string[],
    signal?: AbortSignal,
  ): Promise<CrawlAnswer[]>;
}

/** Longest display name in the profile's lexicon, in graphemes. */
const MAX_NAME = 64;

/** Timeout of a relay, which visits the hold before it responds, in milliseconds. */
const CRAWL_TIMEOUT_MS = 30_000;

/** Binds the steps to one hold. */
export function holdStart(deps: HoldStartDeps): HoldStart {
  const { config, kv, log, fetch, repo, pdsBlobs } = deps;
  const settings = config.hold;
  return {
    settle: () => settle(deps),
    ensureProfile: async (signal) => {
      if (!settings.enable_bluesky_posts) return;
      if (!(await repo.head()).active) return;
      const { host } = new URL(settings.public_url);
      await ensureProfile({
        kv,
        records: repo,
        log,
        fetchBytes: async (url, maxBytes) => {
          const response = await fetch(url, { maxBytes, ...abort(signal) });
          if (response.ok) return new Uint8Array(await response.arrayBuffer());
          await response.body?.cancel();
          throw new AppError(
            "UPSTREAM_FAILED",
            `${url} answers with status ${response.status}.`,
          );
        },
        uploadBlob: (bytes, mimeType) => pdsBlobs.upload(bytes, mimeType),
      }, {
        displayName: host.slice(0, MAX_NAME),
        description:
          `A hold of ${config.server.client_name}: it stores container images and reports pushes.`,
        ...(settings.profile_avatar_url === undefined
          ? {}
          : { avatarUrl: settings.profile_avatar_url }),
      });
    },
    requestCrawl: (relays, signal) =>
      requestCrawl(
        (url, init) =>
          fetch(url, {
            ...init,
            ...abort(signal),
            timeoutMs: CRAWL_TIMEOUT_MS,
          }),
        relays,
        settings.public_url,
      ),
  };
}

function abort(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

async function settle(deps: HoldStartDeps): Promise<void> {
  const { config, clock, log, repo } = deps;
  const { owner, region, successor, ...settings } = config.hold;
  if (owner === undefined) return;
  if (!(await repo.head()).active) {
    return log.warn("the account of the hold is deactivated", {
      did: repo.did,
    });
  }
  const ownerDid = await findOwner(deps, owner);
  await bootstrapHold({ records: repo, clock, log }, {
    ownerDid,
    public: settings.public,
    allowAllCrew: settings.allow_all_crew,
    enableBlueskyPosts: settings.enable_bluesky_posts,
    ...(region === undefined ? {} : { region }),
    ...(successor === undefined ? {} : { successor }),
  });
}

/** The owner's DID; the recorded one while it cannot be resolved. */
async function findOwner(
  { identities, repo, log }: HoldStartDeps,
  owner: string,
): Promise<Did> {
  try {
    return (await identities.resolve(owner)).did;
  } catch (cause) {
    const captain = await repo.getRecord(COLLECTIONS.captain, SELF);
    const known = captainSchema.safeParse(captain?.value);
    if (known.success && isAppError(cause) && cause.spec.status >= 500) {
      const { owner: did } = known.data;
      log.warn("owner of the hold not resolved; the one on record stays", {
        owner,
        did,
        error: cause,
      });
      return did;
    }
    throw new AppError(
      "UNAVAILABLE",
      `The owner of the hold, ${owner}, cannot be resolved. Check the setting hold.owner (HOLD_OWNER).`,
      { cause },
    );
  }
}
