/**
 * Brings the records of the hold in line with the configuration at the start.
 *
 * @module
 */

import type { AppContext } from "../lib/context.ts";
import { isAppError } from "../lib/errors.ts";

/** Pauses between attempts in milliseconds: the first one, and the longest. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/**
 * Settles the hold. Where its owner cannot be resolved now, the server runs all
 * the same and reports that it is not ready: the returned work retries until
 * it has succeeded or `signal` is aborted. Throws every other error.
 */
export async function settleHold(
  { hold, clock, log }: AppContext,
  signal: AbortSignal,
): Promise<{ retrying: Promise<void> }> {
  const { settle } = hold?.start ?? { settle: () => Promise.resolve() };
  const isLater = (error: unknown) => isAppError(error, "UNAVAILABLE");
  try {
    await settle();
    return { retrying: Promise.resolve() };
  } catch (error) {
    if (!isLater(error)) throw error;
    log.error("the hold has no captain yet; retrying", { error });
  }
  const retry = async () => {
    let pause = FIRST_PAUSE_MS;
    while (true) {
      await clock.sleep(pause, signal);
      if (signal.aborted) return;
      try {
        await settle();
        return log.info("the hold has its captain");
      } catch (error) {
        log.warn("the hold has no captain yet", { error });
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  };
  return { retrying: retry() };
}
