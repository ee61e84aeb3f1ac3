/**
 * Quota errors.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";

/** A limit on what a user stores. */
export interface Limit {
  /** Bytes. */
  readonly quota: number;
  /** Name of the tier. */
  readonly name: string;
}

/** Usage and requested bytes of a user. */
export interface Excess {
  /** Stored and reserved. */
  readonly used: number;
  /** Requested bytes; undefined when only the first bytes are known. */
  readonly added: number | undefined;
  readonly limit: Limit;
}

/** The error for an exceeded quota. */
export function overQuota(user: Did, excess: Excess): AppError {
  const { used, added } = excess;
  const { quota: limit, name: tier } = excess.limit;
  const more = added === undefined ? "more" : `${added} more`;
  return new AppError(
    "QUOTA_EXCEEDED",
    `${user} uses ${used} of ${limit} bytes on this hold (tier ${tier}, unfinished uploads included), and ${more} do not fit; delete images or ask the captain for another tier. Up to ${limit} bytes that you deleted do not count while they await collection.`,
    {
      detail: { limit, used, ...(added === undefined ? {} : { added }) },
    },
  );
}

/** The error for too many concurrent uploads of an account. */
export function tooManyUploads(user: Did): AppError {
  return new AppError(
    "UNAVAILABLE",
    `${user} has too many concurrent uploads on this hold; finish or cancel some, or try again later.`,
    { retryAfterSeconds: 10 },
  );
}
