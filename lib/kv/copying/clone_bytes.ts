/**
 * Values as bytes in the format of structured clone, as V8 writes it and Deno
 * KV stores it.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { Deserializer, Serializer } from "node:v8";

// Not `serialize` of node:v8: Deno reads its byte arrays back as views of the
// whole buffer.
/** Serialises a value. Throws an Error for what cannot be cloned, such as functions. */
export function toCloneBytes(value: unknown): Buffer {
  const writer = new Serializer();
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

/** Reads a value back. Throws an Error for other bytes. */
export function fromCloneBytes(bytes: Buffer): unknown {
  const reader = new Deserializer(bytes);
  reader.readHeader();
  return reader.readValue();
}
