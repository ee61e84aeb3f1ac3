/**
 * A periodic task, run by one instance each period.
 *
 * @module
 */

import { type Clock, isAhead } from "../clock.ts";
import { choreKey } from "./keys.ts";
import type { Kv } from "./kv.ts";
import { acquireLease } from "./lease.ts";

/** A periodic task. */
export interface Chore {
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
export function choreLease(name: string): string {
  return `chore ${name}`;
}

/** Time after which another instance takes over from one that died, in milliseconds. */
export const CHORE_LEASE_MS = 60_000;

/**
 * Runs `chore` if it is due and no instance has run it or is running it in this
 * period; returns whether it ran here. Throws what `chore.run` throws; the
 * period counts as done then.
 */
export async function doChore(
  { kv, clock }: { readonly kv: Kv; readonly clock: Clock },
  chore: Chore,
  signal: AbortSignal,
): Promise<boolean> {
  if (chore.local) {
    await chore.run(signal);
    return true;
  }
  const key = choreKey(chore.name);
  const isDue = async () => {
    const done = (await kv.get<number>(key))?.value;
    const now = clock.now();
    return done === undefined || isAhead(done, now) ||
      turnOf(chore, done) < turnOf(chore, now);
  };
  if (!await isDue()) return false;
  const lease = await acquireLease(kv, clock, choreLease(chore.name), {
    ttlMs: CHORE_LEASE_MS,
  });
  if (!lease) return false;
  try {
    if (!await isDue()) return false;
    const begun = clock.now();
    try {
      await chore.run(AbortSignal.any([signal, lease.signal]));
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
export function turnOf({ everyMs, offsetMs = 0 }: Chore, at: number): number {
  return Math.floor((at - offsetMs) / everyMs);
}
