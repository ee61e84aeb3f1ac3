/**
 * Limits the requests of one client to the public API.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import { isShared } from "../net/client_subject.ts";

/** Requests of one client, an address or an account. */
export const API_REQUESTS: RateLimit = {
  name: "api requests",
  limit: 1_200,
  windowSeconds: 60,
};

/** Requests that an instance takes at once: the store is asked for few of them. */
const TOGETHER = 30;
const REMEMBERED = 20_000;

/** Counts requests by client, over all instances. */
export class ApiLimit {
  readonly #limits: Pick<RateLimiter, "take">;
  /** What is left of the requests that were taken. */
  readonly #left = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(limits: Pick<RateLimiter, "take">) {
    this.#limits = limits;
  }

  /**
   * Call before a request is answered. `client` is its account, or else its
   * address. Throws AppError `TOOMANYREQUESTS` when it has sent too many.
   * Loopback and unknown addresses may be shared by many clients and are not
   * limited.
   */
  async admit(client: string | undefined): Promise<void> {
    if (client === undefined || isShared(client)) return;
    const left = this.#left.get(client) ?? 0;
    if (left > 0) {
      this.#left.set(client, left - 1);
      return;
    }
    const { allowed, retryAfterSeconds } = await this.#limits.take(
      API_REQUESTS,
      client,
      TOGETHER,
    );
    if (allowed) {
      this.#left.set(client, (this.#left.get(client) ?? 0) + TOGETHER - 1);
      return;
    }
    throw new AppError(
      "TOOMANYREQUESTS",
      `More than ${API_REQUESTS.limit} requests a minute were sent. Try again in ${retryAfterSeconds} seconds.`,
      { retryAfterSeconds },
    );
  }
}
