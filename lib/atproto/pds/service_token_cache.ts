/**
 * Service tokens of accounts that are still valid.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { expiryOf } from "../../crypto/jwt.ts";

/** Cache of valid service tokens, by account, audience and method. */
export class ServiceTokenCache {
  readonly #tokens = new LRUCache<string, { token: string; until: number }>({
    max: 10_000,
  });

  /** Returns the cached token for `name`, or fetches one when there is none valid at `now`. */
  async get(
    name: string,
    now: number,
    fetch: () => Promise<string>,
  ): Promise<string> {
    const known = this.#tokens.get(name);
    if (known && known.until > now) return known.token;
    const token = await fetch();
    const expires = expiryOf(token);
    if (expires !== undefined) {
      this.#tokens.set(name, { token, until: expires - RENEW_MS });
    }
    return token;
  }
}

/** A service token is not used this long before it expires, in milliseconds. */
const RENEW_MS = 10_000;
