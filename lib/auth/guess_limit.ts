/**
 * Limits on guesses of secrets that users type: passwords and user codes.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";

/** A limit with the subject to count. */
export interface Counted {
  readonly rule: RateLimit;
  readonly subject: string;
}

/**
 * Runs `check`, which throws when the guess is wrong or could not be verified.
 * Every guess is counted before the check and given back when it was right, so
 * that parallel guesses get no more attempts than sequential ones. Throws
 * AppError `TOOMANYREQUESTS` without running `check` when one of the limits is
 * exhausted.
 */
export async function limitGuess<T>(
  limits: RateLimiter,
  counted: readonly Counted[],
  check: () => Promise<T>,
): Promise<T> {
  await countGuess(limits, counted);
  const result = await check();
  await giveBack(limits, counted);
  return result;
}

/** Counts a wrong guess. Throws AppError `TOOMANYREQUESTS` when there were too many. */
export async function countGuess(
  limits: RateLimiter,
  counted: readonly Counted[],
): Promise<void> {
  for (const [i, { rule, subject }] of counted.entries()) {
    const { allowed, retryAfterSeconds } = await limits.take(rule, subject);
    if (allowed) continue;
    await giveBack(limits, counted.slice(0, i));
    throw new AppError(
      "TOOMANYREQUESTS",
      `Too many failed tries. Wait ${retryAfterSeconds} seconds and try again.`,
      { retryAfterSeconds },
    );
  }
}

async function giveBack(
  limits: RateLimiter,
  counted: readonly Counted[],
): Promise<void> {
  await Promise.all(
    counted.map(({ rule, subject }) => limits.giveBack(rule, subject)),
  );
}
