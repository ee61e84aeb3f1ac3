/**
 * Authorisation decisions.
 *
 * @module
 */

/** Allowed, or denied with a reason: a sentence for the caller. */
export type Decision = { allowed: true } | { allowed: false; reason: string };

/** The decision to allow. */
export const ALLOWED: Decision = { allowed: true };

/** Denies with `reason`. */
export function deny(reason: string): Decision {
  return { allowed: false, reason };
}
