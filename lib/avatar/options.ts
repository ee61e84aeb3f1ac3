/**
 * Settings of avatars.
 *
 * @module
 */

import { DEFAULT_LIMITS, type ImageLimits } from "./image/image_limits.ts";
import { DEFAULT_POOL, type PoolOptions } from "./pool/bounds.ts";

/** Settings of the avatar service. Times are in milliseconds. */
export interface AvatarOptions {
  /** Public origin of this program, without a slash at the end. */
  readonly baseUrl: string;
  /**
   * Host of a cache in front of this server, in URLs of objects that it serves;
   * by default that of `baseUrl`.
   */
  readonly publicHost: string | undefined;
  /**
   * Whether the store is publicly readable at its public URLs; otherwise this
   * server serves the objects.
   */
  readonly publicObjects: boolean;
  /**
   * Identity of the store, written into rows: rows of another store do not
   * count, so that clients are not redirected to what only that one has.
   */
  readonly storeId: string;
  /** Whether `baseUrl` was only guessed; redirects to this server are relative then. */
  readonly baseUrlGuessed: boolean;
  /** Collections of profile records that may contain a picture, preferred one first. */
  readonly collections: readonly string[];
  /** How long a profile is cached. */
  readonly profileTtlMs: number;
  /** How long "has no picture" and "cannot be decoded" are cached. */
  readonly negativeTtlMs: number;
  /** Maximum age of a stale profile while its PDS cannot be reached. */
  readonly staleTtlMs: number;
  /** How long a request waits for a refresh before it gets the stale result. */
  readonly staleWaitMs: number;
  /** Timeout of a request to a PDS. */
  readonly upstreamTimeoutMs: number;
  /** How long objects of a replaced picture are kept. */
  readonly graceMs: number;
  /**
   * Maximum bytes of the variants of one picture; the plain picture and common
   * sizes may exceed it.
   */
  readonly maxPictureBytes: number;
  /** Maximum bytes of everything stored; beyond that the least used variants are evicted. */
  readonly maxStoredBytes: number;
  /** New variants and names that one client may request per minute, and at once; 0 for no limit. */
  readonly clientPerMinute: number;
  /** Variants of uncommon sizes per client and day; 0 for no limit. */
  readonly clientSizesPerDay: number;
  /** Allowed values of `w` and `h` for requests without a signature; empty for all. */
  readonly allowedSizes: readonly number[];
  /** Keys that sign requests; empty if no signature is needed. */
  readonly signingKeys: readonly string[];
  /** Hosts that `fallback` may redirect to. */
  readonly fallbackHosts: readonly string[];
  readonly limits: ImageLimits;
  readonly pool: PoolOptions;
}

/** Defaults of all settings except the origin. */
export const DEFAULT_AVATAR_OPTIONS: Omit<AvatarOptions, "baseUrl"> = {
  publicHost: undefined,
  publicObjects: true,
  storeId: "default",
  baseUrlGuessed: false,
  collections: [
    "app.bsky.actor.profile",
    "sh.tangled.actor.profile",
    "so.sprk.actor.profile",
  ],
  profileTtlMs: 60_000,
  negativeTtlMs: 60_000,
  staleTtlMs: 7 * 86_400_000,
  staleWaitMs: 300,
  upstreamTimeoutMs: 8_000,
  graceMs: 86_400_000,
  maxPictureBytes: 16 << 20,
  maxStoredBytes: 10_000_000_000,
  clientPerMinute: 300,
  clientSizesPerDay: 1_000,
  allowedSizes: [],
  signingKeys: [],
  fallbackHosts: [],
  limits: DEFAULT_LIMITS,
  pool: DEFAULT_POOL,
};
