/**
 * Timeouts and retries of S3 requests. The SDK's own are not used: its timeout
 * is bound to the first socket of a request, and the runtime may move a request
 * to another one; its retry covers only some kinds of connection failure.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { isBusy, isPassing } from "./s3_errors.ts";

/** Retry policy of {@linkcode withRetries}. */
export interface RetryPolicy {
  /** Maximum number of attempts. */
  readonly tries: number;
  /** Milliseconds that an attempt may take without progress until the response. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** One attempt, as passed to the code that sends the request. */
export interface Attempt {
  /** Aborts it. */
  readonly abortSignal: AbortSignal;
  /** Call when bytes were transferred; resets the timeout. */
  readonly progress: () => void;
}

/** First pause between attempts in milliseconds; doubles with each attempt. */
const PAUSE_MS = 100;
/** The same where the server is throttling. */
const BUSY_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;
/**
 * Attempts that may end in silence. One dead connection is not the server's
 * fault, two are; clients and proxies do not wait much longer.
 */
const MAX_SILENCES = 2;

/** An attempt without progress. */
class SilenceError extends Error {
  override readonly name = "TimeoutError";
}

/**
 * Runs `work` until it succeeds, fails permanently, is silent twice or `policy`
 * is exhausted; throws the last error. Throws the reason of `policy.signal` when that is
 * aborted.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const { tries, clock, signal } = policy;
  let silences = 0;
  for (let tried = 1;; tried++) {
    signal?.throwIfAborted();
    try {
      return await inTime(policy, work);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SilenceError) silences++;
      if (tried >= tries || silences >= MAX_SILENCES) throw error;
      if (!isPassing(error)) throw error;
      const first = isBusy(error) ? BUSY_PAUSE_MS : PAUSE_MS;
      const pause = Math.min(MAX_PAUSE_MS, first * 2 ** (tried - 1));
      // Jitter, so that requests that failed together are not retried together.
      await clock.sleep(pause * (0.5 + Math.random() / 2), signal);
    }
  }
}

async function inTime<T>(
  { waitMs, signal }: RetryPolicy,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    reject(reason);
    stop.abort(reason);
  };
  const silent = () => {
    end(new SilenceError(`Nothing moved for ${waitMs} ms.`));
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
