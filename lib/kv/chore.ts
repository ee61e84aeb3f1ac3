/**
 * One kind of work that comes round by the clock, done by one instance a turn.
 *
 * @module
 */

import { type Clock, isAhead } from "../clock.ts";
import { choreKey } from "./keys.ts";
import type { Kv } from "./kv.ts";
import { acquireLease } from "./lease.ts";

/** One kind of work. */
export interface Chore {
  /** Unique and stable; stands in keys. */
  readonly name: string;
  /** One turn begins at each multiple of this, in milliseconds since the Unix epoch. */
  readonly everyMs: number;
  /** Moves the turns: 3 hours with a turn a day is 03:00 UTC. */
  readonly offsetMs?: number;
  /** Every instance does it for itself, for what it has in its memory. */
  readonly local?: boolean;
  /** Does it once. A failure is logged, and the work waits for the next turn. */
  run(signal: AbortSignal): Promise<void>;
}

/** Name of the lease under which the shared chore `name` is done. */
export function choreLease(name: string): string {
  return `chore ${name}`;
}

/** An instance that dies at work is replaced after so long; milliseconds. */
export const CHORE_LEASE_MS = 60_000;

/**
 * Does `chore` when its turn has come and nobody has done or does it; whether
 * it was done here. Throws what `chore.run` throws, and the turn is over then.
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
      // Cut short, it is still to be done: by another instance, or at the next start.
      if (!signal.aborted && !lease.signal.aborted) await kv.set(key, begun);
    }
    return true;
  } finally {
    await lease.release();
  }
}

/** Number of the turn that `at` (milliseconds since the Unix epoch) belongs to. */
export function turnOf({ everyMs, offsetMs = 0 }: Chore, at: number): number {
  return Math.floor((at - offsetMs) / everyMs);
}
