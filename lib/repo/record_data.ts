/**
 * Records between JSON and DAG-CBOR, within the limits of the AT Protocol data
 * model: whole numbers, valid links and bytes, bounded size and depth.
 *
 * @module
 */

import {
  BytesWrapper,
  CidLinkWrapper,
  decode,
  encode,
  fromBytes,
} from "@atcute/cbor";
import { AppError } from "../errors.ts";
import { cidOfBlock, isCid } from "./cid.ts";

/** A record as plain JSON: links are `{"$link": cid}`, bytes `{"$bytes": base64}`. */
export type RecordValue = Record<string, unknown>;

/** A record ready to be stored. */
export interface EncodedRecord {
  readonly cid: string;
  /** DAG-CBOR. */
  readonly bytes: Uint8Array;
}

/** What a record says of a blob it refers to. */
export interface BlobReference {
  readonly cid: string;
  readonly mimeType: string;
  /** Bytes. */
  readonly size: number;
}

/** Encoded records are at most so many bytes, so that one fits a value of the store. */
const MAX_RECORD_BYTES = 60_000;

/** Arrays and objects lie at most so deep in each other. */
const MAX_DEPTH = 64;

/**
 * Encodes a record deterministically.
 *
 * Throws AppError `INVALID_REQUEST` when `value` is no record of the data
 * model, `TOO_LARGE` beyond {@linkcode MAX_RECORD_BYTES}. `path` names the
 * record in the message.
 */
export function encodeRecord(path: string, value: RecordValue): EncodedRecord {
  checkData(path, value, 0);
  const bytes = encodeChecked(path, value);
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

/** The codec takes some names of members, such as `constructor`, for more than names. */
function encodeChecked(path: string, value: RecordValue): Uint8Array {
  try {
    return encode(value);
  } catch (error) {
    throw new AppError(
      "INVALID_REQUEST",
      `The record ${path} has members whose names cannot be stored; rename them.`,
      { xrpc: "InvalidRecord", cause: error },
    );
  }
}

function checkData(path: string, value: unknown, depth: number): void {
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
    case "undefined": // A member without a value is left out, as in JSON.
      return;
    case "number":
      if (!Number.isSafeInteger(value)) {
        refuse(`holds ${value}, not a whole number below 2^53`);
      }
      return;
    case "string":
      if (!value.isWellFormed()) refuse("holds broken Unicode");
      return;
  }
  if (value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (item === undefined) refuse("has an empty place in an array");
      checkData(path, item, depth + 1);
    }
    return;
  }
  if (!isObject(value)) return refuse(`holds a ${typeof value}`);
  if ("$link" in value) {
    if (typeof value.$link !== "string" || !isCid(value.$link)) {
      refuse("holds a broken link");
    }
  } else if ("$bytes" in value) {
    if (typeof value.$bytes !== "string" || !isBase64(value.$bytes)) {
      refuse("holds broken bytes");
    }
  } else {
    for (const [name, item] of Object.entries(value)) {
      if (!name.isWellFormed()) refuse("has a name in broken Unicode");
      if (name === "__proto__") refuse("has a member called __proto__");
      checkData(path, item, depth + 1);
    }
    return;
  }
  if (Object.keys(value).length !== 1) refuse("adds members to a link");
}

function isBase64(text: string): boolean {
  try {
    fromBytes({ $bytes: text });
    return true;
  } catch {
    return false;
  }
}

function toJson(value: unknown): unknown {
  if (value instanceof CidLinkWrapper) return { $link: value.$link };
  if (value instanceof BytesWrapper) return { $bytes: value.$bytes };
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
