/**
 * Patience with a locked database, and words for a full disk. A local store
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

/**
 * Makes `call`, again while the database is locked, for about three seconds.
 *
 * Waits by the machine's clock, because the lock is real even where time is
 * simulated. Throws AppError `UNAVAILABLE` when the lock does not go away, and
 * `STORAGE_FULL` where the disk is; every other error of `call` is passed on.
 */
export async function whileUnlocked<T>(call: () => Promise<T>): Promise<T> {
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
      if (!isLocked(error)) throw error;
      if (attempt === ATTEMPTS) {
        throw new AppError(
          "UNAVAILABLE",
          "The key-value store is locked by another process; try again, and " +
            "let only one server use one file",
          { cause: error, retryAfterSeconds: 5 },
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

function isFull(error: unknown): boolean {
  return error instanceof Error &&
    /database or disk is full/i.test(error.message);
}
