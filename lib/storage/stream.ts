/**
 * Byte stream helpers shared by the drivers.
 *
 * @module
 */

import { joinBytes } from "../bytes.ts";
import { AppError } from "../errors.ts";
import type { ByteRange } from "./blob_store.ts";

/**
 * Iterates over the chunks of `body`. Cancels the stream when the loop ends
 * early or `signal` is aborted, even before the first chunk is requested; the
 * loop then throws the signal's reason.
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  if (body instanceof Uint8Array) {
    signal?.throwIfAborted();
    yield body;
    return;
  }
  const reader = body.getReader();
  // throwIfAborted reports the reason; a failed cancel adds nothing.
  const cancel = () => reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  let ended = false;
  try {
    signal?.throwIfAborted();
    while (true) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      if (value.length > 0) yield value;
    }
    ended = true;
  } finally {
    signal?.removeEventListener("abort", cancel);
    // Not awaited: a source that is slow to stop must not block us.
    if (!ended) cancel();
    reader.releaseLock();
  }
}

/**
 * Reads all bytes of `body` into a new buffer. Throws AppError `TOO_LARGE` when
 * there are more than `maxBytes`.
 */
export async function collect(
  body: ReadableStream<Uint8Array> | Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(body, signal)) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AppError(
        "TOO_LARGE",
        `The part has more than ${maxBytes} bytes; send smaller parts.`,
      );
    }
    chunks.push(chunk);
  }
  return joinBytes(chunks);
}

/** A resolved range of an object. */
export interface Slice {
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * Resolves `range` for an object of `size` bytes; the whole object without one.
 * Throws AppError `RANGE_INVALID` when it is empty (RFC 9110, 14.1.2).
 */
export function sliceOf(size: number, range: ByteRange | undefined): Slice {
  if (range === undefined) return { start: 0, length: size };
  const { start, end } = range;
  const sane = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!sane || start < 0 || end < start || start >= size) {
    throw new AppError(
      "RANGE_INVALID",
      `The range ${start}-${end} lies outside of the ${size} bytes there are.`,
    );
  }
  return { start, length: Math.min(end, size - 1) - start + 1 };
}
