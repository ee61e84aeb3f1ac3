/**
 * Limits the requests to other servers that one client can cause without login:
 * for owners, tags and manifests that are not cached here. Cached ones are not
 * counted.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import { isShared } from "../net/client_subject.ts";

/** Lookups of unknown names and references per client. */
const LOOK_UPS: RateLimit = {
  name: "look-ups",
  limit: 300,
  windowSeconds: 60,
};

/** Counts lookups by client address. */
export class LookUpLimit {
  readonly #limits: Pick<RateLimiter, "take">;

  constructor(limits: Pick<RateLimiter, "take">) {
    this.#limits = limits;
  }

  /**
   * Call before a request to another server. Throws AppError `TOOMANYREQUESTS`
   * when the client at `address` has caused too many. Loopback and unknown
   * addresses may be shared by many clients and are not limited.
   */
  async admit(address: string | undefined): Promise<void> {
    if (address === undefined || isShared(address)) return;
    const { allowed, retryAfterSeconds } = await this.#limits.take(
      LOOK_UPS,
      address,
    );
    if (allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `Too many unknown names were asked for from ${address}. Log in, or try again in ${retryAfterSeconds} seconds.`,
      { retryAfterSeconds },
    );
  }
}
