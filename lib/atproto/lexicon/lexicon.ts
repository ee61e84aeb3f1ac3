/**
 * Checks records against lexicons.
 *
 * @module
 */

import { jsonToLex, type Lexicons } from "@atproto/lexicon";
import type { z } from "zod";
import type { RecordTypes } from "../../../lexicons/generated.ts";
import { checkBlobs } from "./blob_rules.ts";

/** What a check found: nothing, or the first thing that is wrong. */
export type Validation = { valid: true } | { valid: false; reason: string };

/** NSIDs of the record types that have a lexicon here. */
export type RecordNsid = keyof RecordTypes;

/**
 * Schemas for fields of the record `N`, for readers that need less of it, or
 * take more, than its document; a field that the document does not have, or of
 * another type there, does not compile.
 */
export type RecordShape<N extends RecordNsid> = {
  readonly [K in Exclude<keyof RecordTypes[N], "$type">]?: z.ZodType<
    RecordTypes[N][K] | undefined
  >;
};

/**
 * Checks a record (plain JSON, blobs and links in their JSON form) against the
 * lexicon `nsid` of `lexicons`, `$type` included. An unknown `nsid` is not valid.
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
  // The library throws an error for every mismatch; there is nothing else to fail here.
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}

/** An object to check; everything else fails as one that lacks everything. */
function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}
