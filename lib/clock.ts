/**
 * Time as the services see it. Services take a {@linkcode Clock} so that tests
 * can move time forward without waiting.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Largest difference expected between the clocks of two machines, in
 * milliseconds. A time further in the future means that a clock was set back.
 */
const SKEW_MS = 10_000;

/**
 * Whether the past event at `at` lies so far after `now` that the clock must
 * have been set back since. All times in milliseconds since the Unix epoch.
 */
export function isAhead(at: number, now: number): boolean {
  return at > now + SKEW_MS;
}

/**
 * Whether something that began at `since` and lasts `lifeMs` is still valid at
 * `now`. A start in the future counts as expired: otherwise, after a fast clock
 * is set back, it would stay valid for as long as the clock was ahead.
 */
export function isWithin(since: number, lifeMs: number, now: number): boolean {
  return now < since + lifeMs && !isAhead(since, now);
}

/**
 * Whether something that lasts `lifeMs` and ends at `until` is still valid at
 * `now`; see {@linkcode isWithin}.
 */
export function endsWithin(
  until: number,
  lifeMs: number,
  now: number,
): boolean {
  return isWithin(until - lifeMs, lifeMs, now);
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal?.addEventListener("abort", finish, { once: true });
    }),
};
