/**
 * Validates the program's records and outputs against its lexicons.
 *
 * @module
 */

import { jsonToLex } from "@atproto/lexicon";
import { validateRecord as validate, type Validation } from "./lexicon.ts";
import { lexicons } from "./lexicons.ts";

/** Validates a record of this project, `$type` included. */
export function validateRecord(nsid: string, value: unknown): Validation {
  return validate(nsid, value, lexicons);
}

/** Validates the JSON output of a method. */
export function validateXrpcOutput(
  nsid: string,
  output: unknown,
): Validation {
  return attempt(() => {
    const value = typeof output === "object" ? { ...output } : {};
    lexicons.assertValidXrpcOutput(nsid, jsonToLex(value));
  });
}

function attempt(check: () => void): Validation {
  try {
    check();
    return { valid: true };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { valid: false, reason };
  }
}
