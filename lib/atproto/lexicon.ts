/**
 * Checks records and XRPC messages against the `io.atcr.*` lexicons.
 *
 * @module
 */

import {
  BlobRef,
  jsonToLex,
  type LexiconDoc,
  Lexicons,
  lexToJson,
  parseLexiconDoc,
} from "@atproto/lexicon";
import { AppError } from "../errors.ts";
import { LEXICON_DOCUMENTS } from "./lexicon_documents.ts";
import type { RecordTypes } from "./record_types.ts";

/** What a check found: nothing, or the first thing that is wrong. */
export type Validation = { valid: true } | { valid: false; reason: string };

/** NSIDs of the record types that have a lexicon here. */
export type RecordNsid = keyof RecordTypes;

const documents = LEXICON_DOCUMENTS.map((document) =>
  parseLexiconDoc(document)
);
const recordNsids: ReadonlySet<unknown> = new Set(
  documents.filter(({ defs }) => defs["main"]?.type === "record")
    .map(({ id }) => id),
);
const lexicons = new Lexicons(documents.map(withRecordObject));

/** NSIDs of all documents. */
export const LEXICON_NSIDS: readonly string[] = documents.map(({ id }) => id);

/**
 * Checks a record (plain JSON, blobs and links in their JSON form) against the
 * lexicon `nsid`, `$type` included. An unknown `nsid` is not valid.
 */
export function validateRecord(nsid: string, value: unknown): Validation {
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
 * The parameters of a query or subscription, converted to the types of the
 * lexicon and with its defaults.
 *
 * Throws AppError `INVALID_REQUEST`, `METHOD_NOT_IMPLEMENTED` for an unknown
 * `nsid`.
 */
export function readXrpcParams(
  nsid: string,
  params: URLSearchParams,
): Record<string, unknown> {
  const def = definitionOf(nsid);
  const properties = "parameters" in def ? def.parameters?.properties : {};
  const typed: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(properties ?? {})) {
    const given = params.getAll(name);
    if (given.length > 0) typed[name] = converted(given, type);
  }
  return objectOf(
    refusing(
      nsid,
      "parameters",
      () => lexicons.assertValidXrpcParams(nsid, typed),
    ),
  );
}

/**
 * The JSON input of a procedure with the defaults of the lexicon. Throws as
 * {@linkcode readXrpcParams} does.
 */
export function readXrpcInput(
  nsid: string,
  input: unknown,
): Record<string, unknown> {
  definitionOf(nsid);
  return refusing(nsid, "input", () => {
    const checked = lexicons.assertValidXrpcInput(
      nsid,
      jsonToLex(objectOf(input)),
    );
    return objectOf(lexToJson(checked));
  });
}

/** Checks the JSON output of a method. */
export function validateXrpcOutput(nsid: string, output: unknown): Validation {
  return attempt(() => {
    lexicons.assertValidXrpcOutput(nsid, jsonToLex(objectOf(output)));
  });
}

function definitionOf(nsid: string) {
  const def = lexicons.getDef(nsid);
  if (
    def?.type === "query" || def?.type === "procedure" ||
    def?.type === "subscription"
  ) return def;
  throw new AppError("METHOD_NOT_IMPLEMENTED", `There is no method ${nsid}.`);
}

/**
 * The library cannot follow a reference to a record, so that every record gets
 * a definition of its object, and references lead there.
 */
function withRecordObject(document: LexiconDoc): LexiconDoc {
  const main = document.defs["main"];
  const defs = main?.type === "record"
    ? { ...document.defs, record: main.record }
    : document.defs;
  const text = JSON.stringify(
    { ...document, defs },
    (key, value) =>
      key === "ref" && recordNsids.has(value) ? `${value}#record` : value,
  );
  return parseLexiconDoc(JSON.parse(text));
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

function refusing<T>(nsid: string, what: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new AppError(
      "INVALID_REQUEST",
      `The ${what} of ${nsid} do not fit: ${reasonOf(cause)}.`,
      { cause },
    );
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

/** Query strings as the type says; what does not convert is left for the check to refuse. */
function converted(
  given: readonly string[],
  type: { type: string; items?: { type: string } },
): unknown {
  if (type.type === "array") {
    return given.map((text) => scalar(text, type.items?.type));
  }
  return scalar(given.at(-1) ?? "", type.type);
}

function scalar(text: string, type: string | undefined): unknown {
  if (type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  if (type === "integer" && /^-?\d+$/.test(text)) return Number(text);
  return text;
}
