/**
 * Limits of one commit that hold on every kind of Deno KV: the local store
 * accepts up to 100 checks, a self-hosted one only 10, so the smallest limits
 * apply. They are checked before sending, so that code that works on a laptop
 * also works on a remote store.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Key, KeyPart } from "./kv.ts";

/** Limits of one commit or read; sizes in bytes. */
export const KV_LIMITS = {
  /** One encoded key. */
  keyBytes: 2_048,
  /** One serialised value. */
  valueBytes: 65_536,
  checks: 10,
  mutations: 1_000,
  /** Everything in one commit; the key of a stored value counts twice. */
  commitBytes: 819_200,
  /** All keys under which one commit stores values. */
  commitKeyBytes: 81_920,
  /** Keys of one read. */
  readKeys: 10,
} as const;

/** Bytes of `key` as the store encodes it. */
export function keySize(key: Key): number {
  let size = 0;
  for (const part of key) size += partSize(part);
  return size;
}

function partSize(part: KeyPart): number {
  // Strings and bytes end with a zero byte, so zero bytes inside are escaped.
  if (typeof part === "string") {
    return 2 + Buffer.byteLength(part) + zeros(part, "\0");
  }
  if (part instanceof Uint8Array) return 2 + part.length + zeros(part, 0);
  if (typeof part === "bigint") return 3 + part.toString(16).length;
  return typeof part === "number" ? 9 : 1;
}

function zeros<T>(
  text: Iterable<T> & { includes(unit: T): boolean },
  zero: T,
): number {
  let count = 0;
  // Usually there is none, and `includes` is much faster.
  if (!text.includes(zero)) return count;
  for (const unit of text) if (unit === zero) count++;
  return count;
}

/** Formats a key for messages, shortened. */
export function showKey(key: Key): string {
  const parts = key.map((part) =>
    part instanceof Uint8Array ? `bytes(${part.length})` : String(part)
  );
  const text = parts.join("/");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Throws a RangeError when `value` cannot be stored at `key`. */
export function assertStorable(key: Key, keyBytes: number, bytes: number) {
  if (keyBytes > KV_LIMITS.keyBytes) {
    throw new RangeError(
      `The key ${showKey(key)} has ${keyBytes} bytes, ` +
        `at most ${KV_LIMITS.keyBytes} are allowed`,
    );
  }
  if (bytes > KV_LIMITS.valueBytes) {
    throw new RangeError(
      `The value at ${showKey(key)} has ${bytes} bytes, ` +
        `at most ${KV_LIMITS.valueBytes} are allowed`,
    );
  }
}
