/**
 * A bound on the new work that one client may cause. What is known already is
 * never counted.
 *
 * @module
 */

import { SingleFlight } from "../async/single_flight.ts";
import { AppError } from "../errors.ts";
import type { RateLimiter } from "../kv/rate_limit.ts";

/** Somebody who asks. */
export interface Visitor {
  /** Whom work is counted against; undefined: nobody. */
  readonly client: string | undefined;
  /** Counts the piece of work named `work`; throws AppError `TOOMANYREQUESTS` when it is too much. */
  readonly admit: (work: string) => Promise<void>;
}

/** Counts new work by client, over all instances. */
export class Admission {
  readonly #limiter: RateLimiter;
  readonly #perMinute: number;
  readonly #flights = new SingleFlight();

  /** @param perMinute work for each client; 0: no bound. */
  constructor(limiter: RateLimiter, perMinute: number) {
    this.#limiter = limiter;
    this.#perMinute = perMinute;
  }

  /** The visitor that `client` is. */
  visitor(client: string | undefined): Visitor {
    return { client, admit: (work) => this.admit(client, work) };
  }

  /**
   * Counts the piece of work named `work` against `client`, once for all who
   * ask for it at the same time. Throws AppError `TOOMANYREQUESTS` with a time
   * to retry when the client has caused too much.
   */
  async admit(client: string | undefined, work: string): Promise<void> {
    if (client === undefined || this.#perMinute === 0) return;
    const rule = {
      name: "avatar work",
      limit: this.#perMinute,
      windowSeconds: 60,
    };
    const { allowed, retryAfterSeconds } = await this.#flights.run(
      `${client} ${work}`,
      undefined,
      () => this.#limiter.take(rule, client),
    );
    if (allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `More than ${this.#perMinute} new pictures a minute were asked for from your address. Try again in ${retryAfterSeconds} seconds; sizes that were asked for before come at once.`,
      { retryAfterSeconds },
    );
  }
}
