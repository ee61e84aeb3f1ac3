/**
 * How values stand in PostgreSQL. Most are plain JSON, which is quick to read
 * and can be looked at with psql; what JSON cannot say (bytes inside of objects,
 * bigint, dates, undefined) is written as V8 serialises it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { fromCloneBytes, toCloneBytes } from "../copying/clone_bytes.ts";

/** Kinds of rows; stored, so numbers must keep their meaning. */
export const KIND = { clone: 0, bytes: 1, counter: 2, json: 3 } as const;

/** A value as the columns of its row. */
export interface StoredValue {
  readonly kind: number;
  /** JSON. */
  readonly body: string | null;
  readonly bytes: Buffer | null;
  readonly count: bigint | null;
}

const NOTHING = { body: null, bytes: null, count: null };

/** Converts a value, already copied and measured by `snapshot`. */
export function toStored(value: unknown): StoredValue {
  if (value instanceof Uint8Array) {
    const { buffer, byteOffset, length } = value;
    const bytes = Buffer.from(buffer, byteOffset, length);
    return { ...NOTHING, kind: KIND.bytes, bytes };
  }
  if (value instanceof Deno.KvU64) {
    return { ...NOTHING, kind: KIND.counter, count: value.value };
  }
  if (isJson(value)) {
    return { ...NOTHING, kind: KIND.json, body: JSON.stringify(value) };
  }
  return { ...NOTHING, kind: KIND.clone, bytes: toCloneBytes(value) };
}

/** Converts back. Throws a RangeError for a kind that this version does not know. */
export function fromStored(stored: StoredValue): unknown {
  const { kind, body, bytes, count } = stored;
  if (kind === KIND.json && body !== null) return JSON.parse(body);
  if (kind === KIND.bytes && bytes !== null) return new Uint8Array(bytes);
  if (kind === KIND.clone && bytes !== null) {
    return fromCloneBytes(bytes);
  }
  if (kind === KIND.counter && count !== null) {
    return new Deno.KvU64(BigInt.asUintN(64, count));
  }
  throw new RangeError(
    `A row of the key-value store is of unknown kind ${kind}`,
  );
}

/** Whether `value` survives JSON unchanged. */
function isJson(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      return value === null || isJsonObject(value);
    default:
      return false;
  }
}

function isJsonObject(value: object): boolean {
  if (Array.isArray(value)) {
    // Not `every`, which skips holes.
    for (let i = 0; i < value.length; i++) if (!isJson(value[i])) return false;
    return true;
  }
  return Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every(isJson);
}
