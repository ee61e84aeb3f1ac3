/**
 * How many jobs wait and have failed, for metrics.
 *
 * @module
 */

import { deadJobKeys, dueKeys } from "../keys.ts";
import type { Kv } from "../kv.ts";

/** The jobs of all instances. */
export interface JobCounts {
  /** Due and not finished, at most 1,000 of each kind. */
  readonly due: number;
  /** How long the one that is due for the longest time has been waiting, in seconds. */
  readonly oldestSeconds: number;
  /** Failed permanently in the last 30 days, at most 1,000. */
  readonly dead: number;
}

/** Rows of a kind that are counted. */
const MOST = 1_000;

/** Counts the jobs of `kinds` at `now`, in milliseconds since the Unix epoch. */
export async function countJobs(
  kv: Kv,
  kinds: readonly string[],
  now: number,
): Promise<JobCounts> {
  let due = 0;
  let oldest = now;
  for (const kind of kinds) {
    const rows = kv.list(dueKeys(kind, now), { limit: MOST });
    for await (const { key } of rows) {
      due++;
      const runAt = key.at(-2);
      if (typeof runAt === "number") oldest = Math.min(oldest, runAt);
    }
  }
  let dead = 0;
  for await (const _ of kv.list(deadJobKeys, { limit: MOST })) dead++;
  return { due, oldestSeconds: (now - oldest) / 1000, dead };
}
