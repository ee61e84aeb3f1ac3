/**
 * A value as it goes into the store: a copy that later changes do not reach,
 * and its size.
 *
 * @module
 */

import { serialize } from "node:v8";
import { Buffer } from "node:buffer";
import { KV_LIMITS } from "./limits.ts";

/** Most that the structured-clone format takes besides the content. */
const OVERHEAD = { root: 8, small: 10, container: 24 };

/**
 * Copies plain objects and arrays, and byte arrays that are only a window on
 * a larger buffer: the store would write that whole buffer, with whatever
 * else is in it.
 *
 * `bytes` is the serialised size or a little more, never less. Takes what
 * structured clone takes; objects with a class of their own lose it.
 */
export function snapshot(value: unknown): { stored: unknown; bytes: number } {
  // Bytes on their own are stored raw, and windows on a buffer as such.
  if (value instanceof Uint8Array) {
    return { stored: value, bytes: value.byteLength };
  }
  if (value instanceof Deno.KvU64) return { stored: value, bytes: 8 };
  const copy = new Copy();
  const stored = copy.of(value);
  // Counting while copying is ten times as fast as serialising, but takes
  // text for larger than it may be: near the limit the exact size decides.
  const bytes = copy.bytes > KV_LIMITS.valueBytes
    ? serialize(stored).byteLength + 8 * copy.views
    : copy.bytes;
  return { stored, bytes };
}

class Copy {
  bytes = OVERHEAD.root;
  views = 0;

  of(part: unknown): unknown {
    this.bytes += OVERHEAD.small;
    if (typeof part === "string") {
      const ascii = Buffer.byteLength(part) === part.length;
      this.bytes += ascii ? part.length : 2 * part.length;
      return part;
    }
    if (typeof part !== "object" || part === null) {
      if (typeof part === "bigint") this.bytes += part.toString(16).length;
      return part;
    }
    this.bytes += OVERHEAD.container;
    if (part instanceof Uint8Array) {
      this.bytes += part.byteLength;
      this.views++;
      const whole = part.byteLength === part.buffer.byteLength;
      return whole ? part : new Uint8Array(part);
    }
    if (Array.isArray(part)) return part.map((item) => this.of(item));
    if (isPlainObject(part)) {
      const entries = Object.entries(part);
      return Object.fromEntries(
        entries.map(([key, item]) => [this.of(key), this.of(item)]),
      );
    }
    this.bytes += serialize(part).byteLength;
    return part;
  }
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
