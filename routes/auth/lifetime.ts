/**
 * The lifetime of a device or token in a request.
 *
 * @module
 */

import { MAX_LIFETIME_DAYS } from "../../lib/auth/devices/devices.ts";
import { AppError } from "../../lib/errors.ts";

/** Parses a number of days. Throws AppError `INVALID_REQUEST`. */
export function lifetimeOf(text: string | null): number {
  const days = /^\d{1,3}$/.test(text ?? "") ? Number(text) : 0;
  if (days >= 1 && days <= MAX_LIFETIME_DAYS) return days;
  throw new AppError(
    "INVALID_REQUEST",
    `Choose a lifetime of 1 to ${MAX_LIFETIME_DAYS} days.`,
  );
}
