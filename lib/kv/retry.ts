/**
 * Retry policy for a locked database, timeout for an unresponsive one, and the
 * error for a full disk. A local store has no busy timeout: when another
 * process (a backup, a second server) is writing, a call fails at once without
 * effect, so it can be retried.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { systemClock } from "../clock.ts";

const ATTEMPTS = 60;
const MAX_DELAY_MS = 100;

/** Timeout of a call to a remote store, in milliseconds. */
const ANSWER_MS = 15_000;

/** Runs a call to the store with the retries and timeout of its policy. */
export type RetryPolicy = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Returns the retry policy of a store. A local store may be locked by another
 * process: calls are retried for about three seconds. The client of a remote
 * store retries for ever, so calls throw AppError `UNAVAILABLE` after `limitMs`
 * milliseconds; a commit may still have been, or be, applied then.
 */
export function retryPolicyFor(
  isLocal: boolean,
  limitMs: number = ANSWER_MS,
): RetryPolicy {
  if (isLocal) return whileUnlocked;
  return (call) => inTime(whileUnlocked(call), limitMs);
}

async function inTime<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() =>
    reject(
      new AppError(
        "UNAVAILABLE",
        "The key-value store does not answer; try again in a while",
        { retryAfterSeconds: 5 },
      ),
    ), limitMs);
  try {
    return await Promise.race([answer, never]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs `call` and retries it for about three seconds while the database is
 * locked.
 *
 * Waits by the machine's clock, because the lock is real even where time is
 * simulated. Throws AppError `UNAVAILABLE` when the lock persists, and
 * `STORAGE_FULL` when the disk is full; passes on every other error of `call`.
 */
async function whileUnlocked<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (isFull(error)) {
        throw new AppError(
          "STORAGE_FULL",
          "The disk of the key-value store is full, nothing was stored; its operator must free space.",
          { cause: error },
        );
      }
      if (isUnusable(error)) {
        throw new AppError(
          "UNAVAILABLE",
          "The key-value store of this server cannot be used at the moment; try again later.",
          {
            cause: error,
            operator:
              "The file of the key-value store cannot be read and written; " +
              "fix its disk, or its permissions and those of its folder.",
          },
        );
      }
      if (!isLocked(error)) throw error;
      if (attempt === ATTEMPTS) {
        throw new AppError(
          "UNAVAILABLE",
          "The key-value store of this server is busy; try again in a moment.",
          {
            cause: error,
            retryAfterSeconds: 5,
            operator: "The key-value store is locked by another process; " +
              "let only one server use one file.",
          },
        );
      }
      // Random, so that two writers do not keep colliding.
      const limit = Math.min(MAX_DELAY_MS, 2 ** attempt);
      await systemClock.sleep(1 + Math.random() * limit);
    }
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error &&
    /database (table )?is locked|database is busy/i.test(error.message);
}

function isUnusable(error: unknown): boolean {
  return error instanceof Error &&
    /readonly database|unable to open database file|disk I\/O error|disk image is malformed/i
      .test(error.message);
}

function isFull(error: unknown): boolean {
  return error instanceof Error &&
    /database or disk is full/i.test(error.message);
}
