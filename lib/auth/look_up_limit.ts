/**
 * Bounds what one client can make this server ask other servers for, without
 * login: owners, tags and manifests that are not known here. What is known
 * costs nothing and is not counted.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import { isLoopbackAddress } from "../net/public_address.ts";

/** Unknown names and references that one client may ask for. */
const LOOK_UPS: RateLimit = {
  name: "look-ups",
  limit: 300,
  windowSeconds: 60,
};

/** Counts look-ups by the address of the client. */
export class LookUpLimit {
  readonly #limits: Pick<RateLimiter, "take">;

  constructor(limits: Pick<RateLimiter, "take">) {
    this.#limits = limits;
  }

  /**
   * To be awaited before another server is asked. Throws AppError
   * `TOOMANYREQUESTS` when the client at `address` has asked for too much.
   * Many may stand behind the address of the machine itself, and where no
   * address is known: these are not limited.
   */
  async admit(address: string | undefined): Promise<void> {
    if (address === undefined || address === "unknown") return;
    if (isLoopbackAddress(address)) return;
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
