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

/** Clocks of two machines may differ by so much, in milliseconds; a time further ahead comes from before a clock was set back. */
const SKEW_MS = 10_000;

/**
 * Whether `at`, when something happened, lies so far after `now` that the
 * clock was set back since. All times in milliseconds since the Unix epoch.
 */
export function isAhead(at: number, now: number): boolean {
  return at > now + SKEW_MS;
}

/**
 * Whether something that began at `since` and lasts `lifeMs` still goes on at
 * `now`. What began ahead of now is over: otherwise a clock that is set back
 * after running ahead would keep it alive for as long as it was ahead.
 */
export function isWithin(since: number, lifeMs: number, now: number): boolean {
  return now < since + lifeMs && !isAhead(since, now);
}

/** Whether something that lasts `lifeMs` and ends at `until` still goes on at `now`, as {@linkcode isWithin}. */
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
