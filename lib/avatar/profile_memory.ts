/**
 * In-process cache of profiles for a few seconds, so that frequent requests for
 * a picture do not read the store.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { type Clock, endsWithin } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { AvatarOptions } from "./options.ts";
import type { ProfileRow } from "./picture_rows.ts";

/** A profile with its freshness. */
export interface FoundProfile {
  readonly profile: ProfileRow;
  /** `stale`: expired, because its PDS was slow or down. */
  readonly freshness: "fresh" | "stale";
}

type Remembered = { until: number; forMs: number; found: FoundProfile } | {
  until: number;
  forMs: number;
  error: AppError;
};

/** How long a failing PDS is not queried, in milliseconds. */
export const RETRY_MS = 10_000;

/** How long this process caches a profile before it reads the store. */
const LOCAL_MS = 5_000;

/** Size of the cache. */
const LOCAL_ENTRIES = 20_000;

/** How long a profile is fresh, in milliseconds. */
export function ttlOf(
  profile: ProfileRow,
  options: Pick<AvatarOptions, "negativeTtlMs" | "profileTtlMs">,
): number {
  return profile.avatar === undefined
    ? options.negativeTtlMs
    : options.profileTtlMs;
}

/** Results by requested identifier. */
export class ProfileMemory {
  readonly #clock: Clock;
  readonly #options: AvatarOptions;
  readonly #answers = new LRUCache<string, Remembered>({ max: LOCAL_ENTRIES });

  constructor(clock: Clock, options: AvatarOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Returns the cached profile, or undefined. Throws a cached AppError. */
  recall(identifier: string): FoundProfile | undefined {
    const known = this.#answers.get(identifier);
    const now = this.#clock.now();
    if (known === undefined || !endsWithin(known.until, known.forMs, now)) {
      return undefined;
    }
    if ("error" in known) throw known.error;
    return known.found;
  }

  /** Caches a profile for some seconds, a stale one for less. */
  keep(identifier: string, found: FoundProfile): void {
    const now = this.#clock.now();
    const { profile, freshness } = found;
    const until = freshness === "stale"
      ? now + Math.min(LOCAL_MS, this.#options.profileTtlMs) / 5
      : Math.min(
        now + LOCAL_MS,
        profile.checkedAt + ttlOf(profile, this.#options),
      );
    this.#answers.set(identifier, { until, forMs: until - now, found });
  }

  /** Caches an error about the account, as opposed to the client. */
  keepError(identifier: string, error: unknown): void {
    if (!(error instanceof AppError) || error.code === "TOOMANYREQUESTS") {
      return;
    }
    const { negativeTtlMs } = this.#options;
    const unknown = isAppError(error, "NAME_UNKNOWN", "NAME_INVALID");
    const forMs = unknown ? negativeTtlMs : Math.min(RETRY_MS, negativeTtlMs);
    const until = this.#clock.now() + forMs;
    this.#answers.set(identifier, { until, forMs, error });
  }

  /** Removes an entry. */
  forget(identifier: string): void {
    this.#answers.delete(identifier);
  }
}
