/**
 * Order in keys: newest first, and days.
 *
 * @module
 */

const DAY_MS = 86_400_000;

/** A number that sorts the later the earlier `at` (milliseconds since the Unix epoch) is. */
export function newestFirst(at: number): number {
  return Number.MAX_SAFE_INTEGER - at;
}

/** The day of `at` (milliseconds since the Unix epoch) in UTC, counted from the Unix epoch. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** When the day number `day` begins, in milliseconds since the Unix epoch. */
export function startOfDay(day: number): number {
  return day * DAY_MS;
}
