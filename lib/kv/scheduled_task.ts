/**
 * A periodic task, run by one instance each period.
 *
 * @module
 */

import { type Clock, isAhead } from "../clock.ts";
import { taskKey } from "./keys.ts";
import type { Kv } from "./kv.ts";
import { acquireLease } from "./lease.ts";

/** A periodic task. */
export interface ScheduledTask {
  /** Unique and stable; part of keys. */
  readonly name: string;
  /** Period in milliseconds; periods begin at its multiples since the Unix epoch. */
  readonly everyMs: number;
  /** Shifts the periods: 3 hours with a daily task is 03:00 UTC. */
  readonly offsetMs?: number;
  /** Each instance runs it, for state in its own memory. */
  readonly local?: boolean;
  /** Runs the task once. A failure is logged; the next run is in the next period. */
  run(signal: AbortSignal): Promise<void>;
}

/** Name of the lease that the shared task `name` runs under. */
export function taskLease(name: string): string {
  return `chore ${name}`;
}

/** Time after which another instance takes over from one that died, in milliseconds. */
export const TASK_LEASE_MS = 60_000;

/**
 * Runs `task` if it is due and no instance has run it or is running it in this
 * period; returns whether it ran here. Throws what `task.run` throws; the
 * period counts as done then.
 */
export async function runIfDue(
  { kv, clock }: { readonly kv: Kv; readonly clock: Clock },
  task: ScheduledTask,
  signal: AbortSignal,
): Promise<boolean> {
  if (task.local) {
    await task.run(signal);
    return true;
  }
  const key = taskKey(task.name);
  const isDue = async () => {
    const done = (await kv.get<number>(key))?.value;
    const now = clock.now();
    return done === undefined || isAhead(done, now) ||
      periodOf(task, done) < periodOf(task, now);
  };
  if (!await isDue()) return false;
  const lease = await acquireLease(kv, clock, taskLease(task.name), {
    ttlMs: TASK_LEASE_MS,
  });
  if (!lease) return false;
  try {
    if (!await isDue()) return false;
    const begun = clock.now();
    try {
      await task.run(AbortSignal.any([signal, lease.signal]));
    } finally {
      // An interrupted run is repeated by another instance or at the next start.
      if (!signal.aborted && !lease.signal.aborted) await kv.set(key, begun);
    }
    return true;
  } finally {
    await lease.release();
  }
}

/** Number of the period that `at` (milliseconds since the Unix epoch) falls into. */
export function periodOf(
  { everyMs, offsetMs = 0 }: ScheduledTask,
  at: number,
): number {
  return Math.floor((at - offsetMs) / everyMs);
}
