/**
 * Validates records against lexicons.
 *
 * @module
 */

import { jsonToLex, type Lexicons } from "@atproto/lexicon";
import type { z } from "zod";
import type { RecordTypes } from "../../../lexicons/generated.ts";
import { checkBlobs } from "./blob_rules.ts";

/** Result of a validation: valid, or the first error. */
export type Validation = { valid: true } | { valid: false; reason: string };

/** NSIDs of the record types with a lexicon in this project. */
export type RecordNsid = keyof RecordTypes;

/**
 * Schemas for fields of the record `N`, for readers that require fewer fields
 * or accept more values than its document; a field that is missing in the
 * document or has another type there does not compile.
 */
export type RecordShape<N extends RecordNsid> = {
  readonly [K in Exclude<keyof RecordTypes[N], "$type">]?: z.ZodType<
    RecordTypes[N][K] | undefined
  >;
};

/**
 * Validates a record (plain JSON, blobs and links in their JSON form) against
 * the lexicon `nsid` of `lexicons`, `$type` included. An unknown `nsid` is not
 * valid.
 */
export function validateRecord(
  nsid: string,
  value: unknown,
  lexicons: Lexicons,
): Validation {
  return attempt(() => {
    const record = objectOf(jsonToLex(objectOf(value)));
    lexicons.assertValidRecord(nsid, record);
    checkBlobs(lexicons, lexicons.getDef(nsid), record);
  });
}

function attempt(check: () => void): Validation {
  try {
    check();
    return { valid: true };
  } catch (error) {
    return { valid: false, reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  // The library throws an error for every mismatch; nothing else here can throw.
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}

/** Returns an object to validate; anything else becomes an empty object, which fails. */
function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}
