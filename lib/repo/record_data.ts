/**
 * Converts records between JSON and DAG-CBOR, within the limits of the AT
 * Protocol data model: integers, valid links and bytes, bounded size and depth.
 *
 * @module
 */

import { decode, encode } from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { AppError } from "../errors.ts";
import { cidOfBlock, isCid, parseCid } from "./cid.ts";

/** A record as plain JSON: links are `{"$link": cid}`, bytes `{"$bytes": base64}`. */
export type RecordValue = Record<string, unknown>;

/** A record ready to be stored. */
export interface EncodedRecord {
  readonly cid: string;
  /** DAG-CBOR. */
  readonly bytes: Uint8Array;
}

/** A record's reference to a blob. */
export interface BlobReference {
  readonly cid: string;
  readonly mimeType: string;
  /** Bytes. */
  readonly size: number;
}

/** Maximum size of an encoded record in bytes, so that it fits into one value of the store. */
const MAX_RECORD_BYTES = 60_000;

/** Maximum nesting depth of arrays and objects. */
const MAX_DEPTH = 64;

/**
 * Encodes a record deterministically.
 *
 * Throws AppError `INVALID_REQUEST` when `value` does not conform to the data
 * model, `TOO_LARGE` beyond {@linkcode MAX_RECORD_BYTES}. `path` names the
 * record in the message.
 */
export function encodeRecord(path: string, value: RecordValue): EncodedRecord {
  const bytes = encodeChecked(path, toData(path, value, 0));
  if (bytes.length > MAX_RECORD_BYTES) {
    throw new AppError(
      "TOO_LARGE",
      `The record ${path} has ${bytes.length} bytes; at most ${MAX_RECORD_BYTES} are taken. Put large content into a blob.`,
    );
  }
  return { cid: cidOfBlock(bytes), bytes };
}

/** A stored record as plain JSON. */
export function decodeRecord(bytes: Uint8Array): RecordValue {
  const value = toJson(decode(bytes));
  if (!isObject(value)) throw new Error("a stored record is not an object");
  return value;
}

/** The blobs that a record refers to, each once (data model, "Blob type"). */
export function blobReferences(value: unknown): BlobReference[] {
  const found = new Map<string, BlobReference>();
  const visit = (node: unknown) => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (!isObject(node)) return;
    const { ref, mimeType, size } = node;
    if (
      node.$type === "blob" && isObject(ref) && typeof ref.$link === "string" &&
      typeof mimeType === "string" && typeof size === "number"
    ) {
      found.set(ref.$link, { cid: ref.$link, mimeType, size });
    } else Object.values(node).forEach(visit);
  };
  visit(value);
  return [...found.values()];
}

/** Refuses what the codec cannot encode: members named `""` beside `"/"`. */
function encodeChecked(path: string, data: unknown): Uint8Array {
  try {
    return encode(data);
  } catch (error) {
    throw new AppError(
      "INVALID_REQUEST",
      `The record ${path} has members whose names cannot be stored; rename them.`,
      { xrpc: "InvalidRecord", cause: error },
    );
  }
}

/** Converts `value` for the codec, with links and bytes instead of their JSON form. */
function toData(path: string, value: unknown, depth: number): unknown {
  const refuse = (what: string): never => {
    throw new AppError(
      "INVALID_REQUEST",
      `The record ${path} ${what}, which the data model does not allow.`,
      { xrpc: "InvalidRecord" },
    );
  };
  if (depth > MAX_DEPTH) refuse(`is nested more than ${MAX_DEPTH} levels deep`);
  switch (typeof value) {
    case "boolean":
      return value;
    case "number":
      if (!Number.isSafeInteger(value)) {
        refuse(`holds ${value}, not a whole number below 2^53`);
      }
      return value;
    case "string":
      if (!value.isWellFormed()) refuse("holds broken Unicode");
      return value;
  }
  if (value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item) => {
      if (item === undefined) refuse("has an empty place in an array");
      return toData(path, item, depth + 1);
    });
  }
  if (!isObject(value)) return refuse(`holds a ${typeof value}`);
  if ("$link" in value) {
    const { $link, ...rest } = value;
    if (Object.keys(rest).length > 0) refuse("adds members to a link");
    if (typeof $link !== "string" || !isCid($link)) {
      return refuse("holds a broken link");
    }
    return parseCid($link);
  }
  if ("$bytes" in value) {
    const { $bytes, ...rest } = value;
    if (Object.keys(rest).length > 0) refuse("adds members to a link");
    return fromBase64($bytes) ?? refuse("holds broken bytes");
  }
  const entries: [string, unknown][] = [];
  for (const [name, item] of Object.entries(value)) {
    // Undefined members are omitted, as in JSON.
    if (item === undefined) continue;
    if (!name.isWellFormed()) refuse("has a name in broken Unicode");
    if (name === "__proto__") refuse("has a member called __proto__");
    entries.push([name, toData(path, item, depth + 1)]);
  }
  // The codec mistakes an object whose members "/" and "bytes" are equal for a link.
  return "/" in value ? new Map(entries) : Object.fromEntries(entries);
}

/** Decodes base64 with or without padding; undefined when `text` is neither. */
function fromBase64(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(text);
    const omitPadding = !text.endsWith("=");
    return bytes.toBase64({ omitPadding }) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function toJson(value: unknown): unknown {
  if (value instanceof CID) return { $link: value.toString() };
  if (value instanceof Uint8Array) {
    return { $bytes: value.toBase64({ omitPadding: true }) };
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, toJson(item)]),
  );
}

/** Plain objects only: no class instances, no arrays. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
