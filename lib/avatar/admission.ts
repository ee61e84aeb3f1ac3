/**
 * Which requests are admitted: those that the rules for URLs allow (sizes,
 * signatures), and new work by client at a bounded rate. Cached results are never
 * counted.
 *
 * @module
 */

import { isShared } from "../net/client_subject.ts";
import { SingleFlight } from "../async/single_flight.ts";
import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import type { AvatarOptions } from "./options.ts";
import { createHmac, timingSafeEqual } from "node:crypto";
import { DEFAULT_QUALITY, type PictureQuery } from "./parameters.ts";

/** A client. */
export interface Visitor {
  /** The subject that work is counted for; undefined for none. */
  readonly client: string | undefined;
  /** Counts the work `work`; throws AppError `TOOMANYREQUESTS` when the limit is exceeded. */
  readonly admit: (work: string) => Promise<void>;
  /** Counts the variant `work`; returns false when the limit is exceeded. */
  readonly mayMake: (
    work: string,
    size: "common" | "other",
  ) => Promise<boolean>;
}

const DAY_SECONDS = 86_400;

/** Counts new work by client, over all instances. */
export class Admission {
  readonly #limiter: RateLimiter;
  readonly #names: RateLimit;
  readonly #common: RateLimit;
  readonly #daily: RateLimit;
  readonly #flights = new SingleFlight();

  constructor(
    limiter: RateLimiter,
    options: Pick<AvatarOptions, "clientPerMinute" | "clientSizesPerDay">,
  ) {
    const { clientPerMinute: limit, clientSizesPerDay } = options;
    this.#limiter = limiter;
    this.#names = { name: "avatar work", limit, windowSeconds: 60 };
    // A separate limit, so that uncommon sizes do not use up that of common ones.
    this.#common = { name: "avatar common", limit, windowSeconds: 60 };
    this.#daily = {
      name: "avatar sizes",
      limit: clientSizesPerDay,
      windowSeconds: DAY_SECONDS,
    };
  }

  /** The visitor for `client`. */
  visitor(client: string | undefined): Visitor {
    return {
      client,
      admit: (work) => this.admit(client, work),
      mayMake: (work, size) => this.#mayMake(client, work, size),
    };
  }

  /**
   * Counts the work `work` for `client`, once for all concurrent requests.
   * Throws AppError `TOOMANYREQUESTS` with a retry time when the limit is
   * exceeded.
   */
  async admit(client: string | undefined, work: string): Promise<void> {
    const wait = await this.#take(client, work, this.#names);
    if (wait === 0) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `More than ${this.#names.limit} new pictures a minute were asked for from your address. Try again in ${wait} seconds; pictures that were asked for before come at once.`,
      { retryAfterSeconds: wait },
    );
  }

  async #mayMake(
    client: string | undefined,
    work: string,
    size: "common" | "other",
  ): Promise<boolean> {
    if (size === "common") {
      return await this.#take(client, work, this.#common) === 0;
    }
    return await this.#take(client, work, this.#names) === 0 &&
      await this.#take(client, work, this.#daily) === 0;
  }

  /** Counts once for all concurrent callers; returns the seconds to wait, 0 when allowed. */
  async #take(
    client: string | undefined,
    work: string,
    rule: RateLimit,
  ): Promise<number> {
    if (client === undefined || isShared(client) || rule.limit === 0) return 0;
    const { allowed, retryAfterSeconds } = await this.#flights.run(
      `${rule.name} ${client} ${work}`,
      undefined,
      () => this.#limiter.take(rule, client),
    );
    return allowed ? 0 : Math.max(1, retryAfterSeconds);
  }
}

/** The relevant part of the options. */
export interface AccessRules {
  readonly allowedSizes: readonly number[];
  readonly signingKeys: readonly string[];
}

/**
 * Throws unless a request is allowed. Without signing keys `w` and `h` must be
 * among the allowed sizes, if there are any, and so must their products with
 * `dpr`. With signing keys a request needs a signature unless it has no size
 * and quality, or only allowed sizes.
 *
 * @param target path and query as received.
 *
 * Throws AppError `INVALID_REQUEST` for a size that is not allowed and `DENIED`
 * for a missing or wrong signature.
 */
export function assertAllowed(
  query: PictureQuery,
  target: URL,
  rules: AccessRules,
): void {
  const { allowedSizes, signingKeys } = rules;
  const { width, height, density, quality } = query.request;
  const sizes = [width, height].filter((size) => size !== undefined);
  const listed = sizes.every((size) =>
    allowedSizes.includes(size) && allowedSizes.includes(size * density)
  );
  if (signingKeys.length === 0) {
    if (allowedSizes.length === 0 || listed) return;
    throw new AppError(
      "INVALID_REQUEST",
      `w and h must each be one of ${allowedSizes.join(", ")}${
        density === 1 ? "" : ", and so must w and h times dpr"
      }.`,
    );
  }
  if (query.signature === undefined) {
    if (listed && quality === DEFAULT_QUALITY) return;
    throw new AppError(
      "DENIED",
      "This size needs a signature (s). Ask the operator of this service for a signed URL.",
    );
  }
  if (!isSigned(target, query.signature, signingKeys)) {
    throw new AppError(
      "DENIED",
      "The signature (s) does not fit this URL. Sign the path and the sorted query without s.",
    );
  }
}

/**
 * Signs a URL: HMAC-SHA256 in base64url of the path, `?`, and the query
 * without `s`, sorted by name.
 */
function sign(target: URL, key: string): string {
  const query = new URLSearchParams(target.search);
  query.delete("s");
  query.sort();
  return createHmac("sha256", key).update(`${target.pathname}?${query}`)
    .digest("base64url");
}

function isSigned(
  target: URL,
  signature: string,
  keys: readonly string[],
): boolean {
  const given = new TextEncoder().encode(signature);
  return keys.some((key) => {
    const right = new TextEncoder().encode(sign(target, key));
    return given.length === right.length && timingSafeEqual(given, right);
  });
}
