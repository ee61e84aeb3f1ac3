/**
 * Service tokens of accounts that are still valid.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { isWithin } from "../../clock.ts";
import { expiryOf } from "../../crypto/jwt.ts";

/** A token that was fetched at `since` and is used for `lifeMs`. */
interface KnownToken {
  readonly token: string;
  readonly since: number;
  readonly lifeMs: number;
}

/** Cache of valid service tokens, by account, audience and method. */
export class ServiceTokenCache {
  readonly #tokens = new LRUCache<string, KnownToken>({ max: 10_000 });

  /**
   * Returns the cached token for `name`, or fetches one when there is none valid
   * at `now`, in milliseconds since the Unix epoch.
   */
  async get(
    name: string,
    now: number,
    fetch: () => Promise<string>,
  ): Promise<string> {
    const known = this.#tokens.get(name);
    if (known && isWithin(known.since, known.lifeMs, now)) return known.token;
    const token = await fetch();
    const expires = expiryOf(token);
    if (expires !== undefined) {
      // A PDS whose clock is ahead of ours names a time that is too late.
      const lifeMs = Math.min(expires - now, LIFE_MS) - RENEW_MS;
      this.#tokens.set(name, { token, since: now, lifeMs });
    }
    return token;
  }
}

/** Lifetime of a token whose expiry was not requested, at the reference PDS, in milliseconds. */
const LIFE_MS = 60_000;

/** A service token is not used this long before it expires, in milliseconds. */
const RENEW_MS = 10_000;
