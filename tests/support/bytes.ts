/**
 * Bytes and bodies for tests of storage.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

/** Bytes that compress badly and differ from call to call. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** `bytes` as a stream of chunks that are views of one buffer. */
export function streamOf(
  bytes: Uint8Array,
  chunk: number,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + chunk));
      at += chunk;
    },
  });
}

/** All bytes of `body`. */
export async function collect(
  body: ReadableStream<Uint8Array> | undefined,
): Promise<Uint8Array> {
  assert.ok(body, "there is no body");
  return joined(await Array.fromAsync(body));
}

/** All `chunks` in one buffer. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

/** A body that yields `bytes` and then fails with `error`. */
export function brokenAfter(
  bytes: Uint8Array,
  error: Error,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    pull: (controller) => controller.error(error),
  }, { highWaterMark: 0 });
}
