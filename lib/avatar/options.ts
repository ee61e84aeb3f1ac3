/**
 * What an operator may set for avatars.
 *
 * @module
 */

import { DEFAULT_LIMITS, type ImageLimits } from "./image/limits.ts";
import { DEFAULT_POOL, type PoolOptions } from "./pool/bounds.ts";

/** Settings of the avatar service. Times are in milliseconds. */
export interface AvatarOptions {
  /** Public origin of this program, without a slash at the end. */
  readonly baseUrl: string;
  /** Host of a cache in front of us, in the URLs of objects that we serve; undefined: that of `baseUrl`. */
  readonly publicHost: string | undefined;
  /** Whether the public may read the store, where it has public URLs; else we serve the objects. */
  readonly publicObjects: boolean;
  /** Profile records that may hold a picture, the best one first. */
  readonly collections: readonly string[];
  /** How long a profile is taken for current without asking its PDS. */
  readonly profileTtlMs: number;
  /** How long "has no picture" and "cannot be decoded" are believed. */
  readonly negativeTtlMs: number;
  /** How old a profile may be when its PDS cannot be asked. */
  readonly staleTtlMs: number;
  /** How long a request waits for a refresh before it gets the old answer. */
  readonly staleWaitMs: number;
  /** Time for one question to a PDS. */
  readonly upstreamTimeoutMs: number;
  /** How long objects of a picture that was replaced are kept. */
  readonly graceMs: number;
  /** Bytes of the variants that are kept of one picture; the plain picture and common sizes may exceed it. */
  readonly maxPictureBytes: number;
  /** Bytes of everything that is kept; what is used least goes beyond that. */
  readonly maxStoredBytes: number;
  /** New variants and names that one client may ask for in a minute, and at once; 0: no bound. */
  readonly clientPerMinute: number;
  /** Variants of other than common sizes that one client may have made in a day; 0: no bound. */
  readonly clientSizesPerDay: number;
  /** The only values of `w` and `h` for requests without a signature; empty: all. */
  readonly allowedSizes: readonly number[];
  /** Keys that sign requests; empty: no signature is needed. */
  readonly signingKeys: readonly string[];
  /** Hosts that `fallback` may redirect to. */
  readonly fallbackHosts: readonly string[];
  readonly limits: ImageLimits;
  readonly pool: PoolOptions;
}

/** Every setting but the origin, as it is without a wish. */
export const DEFAULT_AVATAR_OPTIONS: Omit<AvatarOptions, "baseUrl"> = {
  publicHost: undefined,
  publicObjects: true,
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
