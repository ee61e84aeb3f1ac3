/**
 * Why a list may lack entries.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { AppError } from "../../errors.ts";
import type { Extent } from "../owners/owner_lists.ts";

/** The error for a list that waits for records of an owner. */
export function stillReading({ handle, did }: Identity): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The records of ${
      handle ?? did
    } are still being read from the PDS. Try again in a while.`,
    { retryAfterSeconds: 5 },
  );
}

/** A sentence for clients; undefined for a complete list. */
export function doubtOf(
  owner: Identity,
  problem: AppError | undefined,
  extents: readonly Extent[] = [],
): string | undefined {
  const error = problem ??
    (extents.includes("reading") ? stillReading(owner) : undefined);
  if (error) {
    return `The list may lack what was pushed by way of other services. ${error.message}`;
  }
  return extents.includes("cut")
    ? "The list may lack what was pushed by way of other services: its owner has more records than are read of one account."
    : undefined;
}
