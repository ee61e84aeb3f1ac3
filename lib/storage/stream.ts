/**
 * Small helpers for byte streams that more than one driver needs.
 *
 * @module
 */

import { joinBytes } from "../bytes.ts";
import { AppError } from "../errors.ts";
import type { ByteRange } from "./blob_store.ts";

/**
 * The chunks of `body`. The stream is cancelled when the loop over them ends
 * early or `signal` is aborted, be it before the first chunk is asked for; then
 * the loop throws the signal's reason.
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
  // The reason is told by throwIfAborted; a refusal to cancel adds nothing.
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
    // Not awaited: a source that is slow to stop must not hold us.
    if (!ended) cancel();
    reader.releaseLock();
  }
}

/**
 * All bytes of `body` in a buffer of their own. Throws AppError `TOO_LARGE`
 * when there are more than `maxBytes`.
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

/** Where a range lies in an object. */
export interface Slice {
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * The bytes of an object of `size` bytes that `range` asks for; all without
 * one. Throws AppError `RANGE_INVALID` when there are none (RFC 9110, 14.1.2).
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
