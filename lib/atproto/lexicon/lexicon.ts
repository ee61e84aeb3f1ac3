/**
 * Checks records against the `io.atcr.*` lexicons.
 *
 * @module
 */

import { BlobRef, jsonToLex } from "@atproto/lexicon";
import { isValidTid } from "@atproto/syntax";
import type { z } from "zod";
import type { RecordTypes } from "../../../lexicons/generated.ts";
import { AppError } from "../../errors.ts";
import { quote } from "../../text.ts";
import { documents, lexicons } from "./lexicons.ts";

/** What a check found: nothing, or the first thing that is wrong. */
type Validation = { valid: true } | { valid: false; reason: string };

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

/** What lexicons say of the keys of their records; of the network's, those that a hold writes. */
const RECORD_KEYS: ReadonlyMap<string, string> = new Map([
  ...documents.flatMap(({ id, defs: { main } }): [string, string][] =>
    main?.type === "record" && main.key !== undefined ? [[id, main.key]] : []
  ),
  ["app.bsky.feed.post", "tid"],
  ["app.bsky.actor.profile", "literal:self"],
]);

/**
 * Checks a record (plain JSON, blobs and links in their JSON form) against the
 * lexicon `nsid`, `$type` included. An unknown `nsid` is not valid.
 */
function validateRecord(nsid: string, value: unknown): Validation {
  return attempt(() => {
    const record = objectOf(jsonToLex(objectOf(value)));
    lexicons.assertValidRecord(nsid, record);
    checkBlobs(nsid, record);
  });
}

/**
 * Throws AppError `INVALID_REQUEST` with what is wrong when `value` is no valid
 * record of `nsid`. Of collections that are not ours only `$type` is checked.
 */
export function assertRecord<N extends RecordNsid>(
  nsid: N,
  value: unknown,
): asserts value is RecordTypes[N];
export function assertRecord(nsid: string, value: unknown): void;
export function assertRecord(nsid: string, value: unknown): void {
  const found = isOurs(nsid)
    ? validateRecord(nsid, value)
    : hasType(nsid, value);
  if (found.valid) return;
  throw new AppError(
    "INVALID_REQUEST",
    `The record is no valid ${nsid}: ${found.reason}.`,
  );
}

/**
 * Throws AppError `INVALID_REQUEST` when the lexicon `nsid` wants its records
 * at other keys than `rkey`, as `literal:self` and `tid` do.
 */
export function assertRecordKey(nsid: string, rkey: string): void {
  const key = RECORD_KEYS.get(nsid) ?? "any";
  const fits = key === "tid"
    ? isValidTid(rkey)
    : !key.startsWith("literal:") || key === `literal:${rkey}`;
  if (fits) return;
  throw new AppError(
    "INVALID_REQUEST",
    `${quote(rkey)} is no key of a ${nsid}; its lexicon says ${key}.`,
  );
}

/** Types and sizes of the record's blobs, which the library does not look at. */
function checkBlobs(nsid: string, record: Record<string, unknown>): void {
  const def = lexicons.getDefOrThrow(nsid, ["record"]);
  if (def.type !== "record") return;
  for (const [name, type] of Object.entries(def.record.properties)) {
    const blob = record[name];
    if (type.type !== "blob" || !(blob instanceof BlobRef)) continue;
    const { accept, maxSize } = type;
    if (accept && !accept.includes(blob.mimeType)) {
      throw new Error(`Record/${name} must have one of the types ${accept}`);
    }
    if (blob.size < 0 || blob.size > (maxSize ?? Infinity)) {
      throw new Error(`Record/${name} must have at most ${maxSize} bytes`);
    }
  }
}

function isOurs(nsid: string): boolean {
  return nsid.startsWith("io.atcr.");
}

function hasType(nsid: string, value: unknown): Validation {
  const isRight = typeof value === "object" && value !== null &&
    "$type" in value && value.$type === nsid;
  return isRight
    ? { valid: true }
    : { valid: false, reason: `its $type must be ${nsid}` };
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
