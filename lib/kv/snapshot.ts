/**
 * Copies a value for the store, so that later changes do not affect it, and
 * computes its size.
 *
 * @module
 */

import { serialize } from "node:v8";
import { Buffer } from "node:buffer";
import { KV_LIMITS } from "./limits.ts";

/** Maximum overhead of the structured-clone format. */
const OVERHEAD = { root: 8, small: 10, container: 24 };

/**
 * Copies plain objects and arrays, and byte arrays that are views of a larger
 * buffer: the store would write the whole buffer.
 *
 * `bytes` is the serialised size or a little more, never less. Accepts what
 * structured clone accepts; instances of classes become plain objects.
 */
export function snapshot(value: unknown): { stored: unknown; bytes: number } {
  // Top-level bytes are stored raw, without the rest of their buffer.
  if (value instanceof Uint8Array) {
    return { stored: value, bytes: value.byteLength };
  }
  if (value instanceof Deno.KvU64) return { stored: value, bytes: 8 };
  const copy = new Copy();
  const stored = copy.of(value);
  // Counting while copying is ten times as fast as serialising, but may
  // overestimate text: near the limit the exact size decides.
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
