/**
 * What is known of the health of a hold, and when it is looked at again.
 *
 * @module
 */

import type { Probe } from "./probe.ts";

/** The health of a hold as it is stored. Times are milliseconds since the Unix epoch. */
export interface HealthRow {
  /** Checked by the clock until its captain record is gone; else only while pages ask. */
  readonly watched: boolean;
  /** When a page asked last, to within an hour. */
  readonly askedAt?: number;
  /** When it was looked at last; absent before the first time. */
  readonly checkedAt?: number;
  readonly reachable?: boolean;
  /** Since when it is as it is. */
  readonly since?: number;
  /** Of the last time it answered, in milliseconds. */
  readonly latencyMs?: number;
  readonly version?: string;
  /** Why it cannot be reached. */
  readonly reason?: string;
  /** Looks in a row that failed. */
  readonly failures: number;
}

/** How often holds are looked at, in milliseconds. */
export interface HealthTimes {
  /** Pause between two looks by the clock; 0: none of these. */
  readonly intervalMs: number;
  /** Age up to which an answer is used without checking again, in milliseconds. */
  readonly cacheMs: number;
}

/** Longest pause between two looks at a hold that is down, in milliseconds. */
const LONGEST_PAUSE_MS = 6 * 3_600_000;

/** While holds are not looked at by the clock, it is seen so often whether they are to be. */
const DAY_MS = 86_400_000;

/** A hold that is down is looked at again so soon when pages ask, doubled with each failure; milliseconds. */
const FIRST_RETRY_MS = 30_000;

/** The row after a look at `now`. */
export function healthAfter(
  before: HealthRow,
  probe: Probe,
  now: number,
): HealthRow {
  const { reason: _, version, latencyMs, ...rest } = before;
  const isSame = before.reachable === probe.reachable;
  const since = isSame ? before.since ?? now : now;
  const common = { ...rest, checkedAt: now, since };
  if (!probe.reachable) {
    return {
      ...common,
      ...(version === undefined ? {} : { version }),
      ...(latencyMs === undefined ? {} : { latencyMs }),
      reachable: false,
      reason: probe.reason.slice(0, 500),
      failures: before.failures + 1,
    };
  }
  return {
    ...common,
    reachable: true,
    latencyMs: probe.latencyMs,
    failures: 0,
    ...(probe.version === undefined ? {} : { version: probe.version }),
  };
}

/** For how long the row is taken as known when pages ask, in milliseconds. */
export function freshFor(
  { reachable, failures }: HealthRow,
  { cacheMs }: HealthTimes,
): number {
  if (reachable) return cacheMs;
  return Math.min(cacheMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));
}

/**
 * The pause until the next look by the clock, in milliseconds: doubled with
 * each failure, up to six hours, and up to a fifth longer so that holds that
 * went down together are not looked at together. `random` is from 0 up to 1.
 */
export function pauseAfter(
  { failures }: HealthRow,
  { intervalMs }: HealthTimes,
  random: number,
): number {
  if (intervalMs === 0) return DAY_MS;
  const longest = Math.max(LONGEST_PAUSE_MS, intervalMs);
  const pause = intervalMs * 2 ** Math.min(Math.max(failures - 1, 0), 20);
  return Math.round(Math.min(pause, longest) * (1 + random / 5));
}
