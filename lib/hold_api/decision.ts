/**
 * Whether something is allowed, with the reason why not.
 *
 * @module
 */

/** An answer with its reason, a sentence for the caller. */
export type Decision = { allowed: true } | { allowed: false; reason: string };

/** The decision to allow. */
export const ALLOWED: Decision = { allowed: true };

/** The decision to refuse, because of `reason`. */
export function deny(reason: string): Decision {
  return { allowed: false, reason };
}
