/**
 * Bodies of S3 responses as web streams that survive broken connections.
 *
 * @module
 */

import type { Readable } from "node:stream";
import type { Slice } from "../stream.ts";

/** Consecutive resumes without progress. */
const MAX_RESUMES = 5;

/** How {@linkcode resumableBody} reads. */
export interface BodyOptions {
  /** The range of the object that the body covers. */
  slice: Slice;
  /** The first response, already received. */
  first: Readable;
  /** Requests the same object again, from byte `start`. */
  resume: (start: number) => Promise<Readable>;
  /** Milliseconds without a byte after which the connection counts as broken. */
  idleTimeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * A stream of `slice`. When the connection breaks, the rest is requested again,
 * at most five times in a row without progress; then the stream fails with the
 * last error, so that a truncated body never looks complete.
 */
export function resumableBody(
  options: BodyOptions,
): ReadableStream<Uint8Array> {
  const { slice, first, resume, idleTimeoutMs, signal } = options;
  const end = slice.start + slice.length;
  let at = slice.start;
  let resumes = 0;
  let source = reading(first);
  const abort = () => source.stop(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const finish = () => signal?.removeEventListener("abort", abort);

  const next = async (): Promise<Uint8Array> => {
    while (true) {
      try {
        return await source.read(idleTimeoutMs);
      } catch (error) {
        source.stop();
        signal?.throwIfAborted();
        if (resumes++ === MAX_RESUMES) throw error;
      }
      source = reading(await resume(at));
      // Aborted while the request was in progress.
      if (signal?.aborted) abort();
    }
  };

  return new ReadableStream<Uint8Array>({
    async start(controller) {
      if (slice.length > 0) return;
      await source.end(idleTimeoutMs);
      finish();
      controller.close();
    },
    async pull(controller) {
      try {
        const chunk = await next();
        // A server must not send more than was requested.
        const wanted = chunk.subarray(0, end - at);
        at += wanted.length;
        resumes = 0;
        controller.enqueue(wanted);
        if (at < end) return;
        await source.end(idleTimeoutMs);
        finish();
        controller.close();
      } catch (error) {
        source.stop();
        finish();
        throw error;
      }
    },
    cancel() {
      source.stop();
      finish();
    },
  });
}

/** Reads the body of one response, chunk by chunk. */
function reading(body: Readable) {
  // The iterator reports errors; those after its end do not matter.
  body.on("error", () => {});
  const chunks: AsyncIterator<unknown> = body[Symbol.asyncIterator]();
  const next = async (idleTimeoutMs: number) => {
    const timer = setTimeout(() => {
      body.destroy(new Error(`No byte came for ${idleTimeoutMs} ms.`));
    }, idleTimeoutMs);
    try {
      return await chunks.next();
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    /** Returns the next chunk; throws when there is none or it times out. */
    async read(idleTimeoutMs: number): Promise<Uint8Array> {
      const { value } = await next(idleTimeoutMs);
      if (value instanceof Uint8Array) return value;
      throw new Error("The body ended before its length.");
    },
    /** Reads to the end after the last byte, so that the connection can be reused. */
    async end(idleTimeoutMs: number): Promise<void> {
      try {
        const { done } = await next(idleTimeoutMs);
        if (!done) body.destroy();
      } catch {
        // All bytes have arrived; the connection does not matter any more.
      }
    },
    /** Closes the connection unless the body was read to its end. */
    stop(reason?: Error): void {
      body.destroy(reason);
    },
  };
}
