/**
 * Checks of what the program writes and answers, against its lexicons.
 *
 * @module
 */

import { jsonToLex } from "@atproto/lexicon";
import { assertRecord } from "./lexicon.ts";
import { lexicons } from "./lexicons.ts";

/** What a check found: nothing, or the first thing that is wrong. */
export type Validation = { valid: true } | { valid: false; reason: string };

/** Checks a record of `nsid`, `$type` included. */
export function validateRecord(nsid: string, value: unknown): Validation {
  return attempt(() => assertRecord(nsid, value));
}

/** Checks the JSON output of a method. */
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
