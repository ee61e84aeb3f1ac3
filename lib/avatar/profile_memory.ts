/**
 * What this process remembers of profiles for a few seconds, so that a picture
 * asked for often costs no look at the store.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { type Clock, endsWithin } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { AvatarOptions } from "./options.ts";
import type { ProfileRow } from "./rows.ts";

/** A profile and how it was come by. */
export interface FoundProfile {
  readonly profile: ProfileRow;
  /** `stale`: older than it should be, since its PDS was slow or down. */
  readonly freshness: "fresh" | "stale";
}

type Remembered = { until: number; forMs: number; found: FoundProfile } | {
  until: number;
  forMs: number;
  error: AppError;
};

/** How long a PDS that fails is left alone, in milliseconds. */
export const RETRY_MS = 10_000;

/** How long this process goes without a look at the store. */
const LOCAL_MS = 5_000;

/** Identifiers that are remembered. */
const LOCAL_ENTRIES = 20_000;

/** How long a profile is current, in milliseconds. */
export function ttlOf(
  profile: ProfileRow,
  options: Pick<AvatarOptions, "negativeTtlMs" | "profileTtlMs">,
): number {
  return profile.avatar === undefined
    ? options.negativeTtlMs
    : options.profileTtlMs;
}

/** Answers by identifier, as it was asked for. */
export class ProfileMemory {
  readonly #clock: Clock;
  readonly #options: AvatarOptions;
  readonly #answers = new LRUCache<string, Remembered>({ max: LOCAL_ENTRIES });

  constructor(clock: Clock, options: AvatarOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** What is remembered, undefined when nothing is. Throws the AppError that was kept. */
  recall(identifier: string): FoundProfile | undefined {
    const known = this.#answers.get(identifier);
    const now = this.#clock.now();
    if (known === undefined || !endsWithin(known.until, known.forMs, now)) {
      return undefined;
    }
    if ("error" in known) throw known.error;
    return known.found;
  }

  /** Keeps a profile for some seconds, one that is too old for less. */
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

  /** Keeps an error that says something of the account, and not of the client. */
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

  /** Asks anew the next time. */
  forget(identifier: string): void {
    this.#answers.delete(identifier);
  }
}
