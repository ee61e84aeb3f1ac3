/**
 * Time limits and further tries of S3 requests.
 *
 * The SDK's own are not used: its time limit hangs on the first socket of a
 * request, and the runtime may move a request to another one; its retry knows
 * only some of the ways in which a connection can end.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { isBusy, isPassing } from "./s3_errors.ts";

/** How long and how often {@linkcode withRetries} tries. */
export interface Patience {
  /** Tries in all. */
  readonly tries: number;
  /** Milliseconds that one try may go without progress until it is answered. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** One try, as whoever sends the request sees it. */
export interface Attempt {
  /** Ends it. */
  readonly abortSignal: AbortSignal;
  /** To be called when bytes moved; then the server has its time anew. */
  readonly progress: () => void;
}

/** First pause between tries in milliseconds; it doubles from try to try. */
const PAUSE_MS = 100;
/** The same where the server asks for mercy. */
const BUSY_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;

/**
 * Runs `work` until it succeeds, fails for good or `patience` ends; throws
 * its last error. Throws the reason of `patience.signal` when that is aborted.
 */
export async function withRetries<T>(
  patience: Patience,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const { tries, clock, signal } = patience;
  for (let tried = 1;; tried++) {
    signal?.throwIfAborted();
    try {
      return await inTime(patience, work);
    } catch (error) {
      signal?.throwIfAborted();
      if (tried >= tries || !isPassing(error)) throw error;
      const first = isBusy(error) ? BUSY_PAUSE_MS : PAUSE_MS;
      const pause = Math.min(MAX_PAUSE_MS, first * 2 ** (tried - 1));
      // Spread out, so that many who failed together do not come together again.
      await clock.sleep(pause * (0.5 + Math.random() / 2), signal);
    }
  }
}

async function inTime<T>(
  { waitMs, signal }: Patience,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    reject(reason);
    stop.abort(reason);
  };
  const silent = () => {
    const sentence = `Nothing moved for ${waitMs} ms.`;
    end(new DOMException(sentence, "TimeoutError"));
  };
  let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(
    silent,
    waitMs,
  );
  const progress = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(silent, waitMs);
  };
  const abort = () => end(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([
      work({ abortSignal: stop.signal, progress }),
      stopped,
    ]);
  } finally {
    clearTimeout(timer);
    timer = undefined;
    signal?.removeEventListener("abort", abort);
  }
}
