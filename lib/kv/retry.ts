/**
 * Patience with a locked database and a silent one, and words for a full disk. A local store
 * has no busy timeout: when another process (a backup, a second server) writes
 * at the same moment, a call fails at once and nothing has happened, so it can
 * simply be made again.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { systemClock } from "../clock.ts";

const ATTEMPTS = 60;
const MAX_DELAY_MS = 100;

/** How long a remote store may take to answer, in milliseconds. */
const ANSWER_MS = 15_000;

/** Makes a call of the store as often and waits for it as long as makes sense. */
export type Patience = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Patience with a store. One of this machine may be locked by another process:
 * for about three seconds the call is made again.
 * The client of a remote one tries for ever while nobody answers, so that
 * after `limitMs` milliseconds AppError `UNAVAILABLE` is thrown; a commit may
 * still have been, or be, applied then.
 */
export function patienceWith(
  isLocal: boolean,
  limitMs: number = ANSWER_MS,
): Patience {
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
 * Makes `call`, again while the database is locked, for about three seconds.
 *
 * Waits by the machine's clock, because the lock is real even where time is
 * simulated. Throws AppError `UNAVAILABLE` when the lock does not go away, and
 * `STORAGE_FULL` where the disk is; every other error of `call` is passed on.
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
              "mend its disk, or its rights and those of its folder.",
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
      // Random, so that two writers do not meet again and again.
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
