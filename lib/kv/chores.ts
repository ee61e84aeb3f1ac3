/**
 * Work that comes round by the clock and is shared by all instances of one
 * store: whoever comes first does it, the others skip that turn.
 *
 * @module
 */

import { type Clock, isAhead } from "../clock.ts";
import type { Logger } from "../log.ts";
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

/** What {@linkcode startChores} needs. */
export interface ChoresDeps {
  readonly kv: Kv;
  /** The one that `kv` goes by. */
  readonly clock: Clock;
  readonly log: Logger;
}

/** Chores that are being done. */
export interface RunningChores {
  /** Does what is due now; for places where timers do not live. */
  round(): Promise<void>;
  /** Ends them; resolves when none runs any more. */
  stop(): Promise<void>;
}

/** The first look comes soon: a crash may have left something behind. */
const FIRST_MS = 5_000;

/** Does `chores` in the background, a missed turn once and soon after the start. */
export function startChores(
  deps: ChoresDeps,
  chores: readonly Chore[],
): RunningChores {
  const { clock } = deps;
  const stopped = new AbortController();
  const { signal } = stopped;
  const work = (chore: Chore) => quietly(deps, chore, signal);
  const loops = chores.map(async (chore) => {
    await clock.sleep(FIRST_MS, signal);
    while (!signal.aborted) {
      await work(chore);
      await clock.sleep(untilNext(chore, clock.now()), signal);
    }
  });
  const rounds = new Set<Promise<unknown>>();
  return {
    round: async () => {
      const round = Promise.all(chores.map(work));
      rounds.add(round);
      await round;
      rounds.delete(round);
    },
    stop: async () => {
      stopped.abort(new Error("stopped"));
      await Promise.all([...loops, ...rounds]);
    },
  };
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
  { kv, clock }: Pick<ChoresDeps, "kv" | "clock">,
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

async function quietly(
  deps: ChoresDeps,
  chore: Chore,
  signal: AbortSignal,
): Promise<void> {
  try {
    await doChore(deps, chore, signal);
  } catch (error) {
    if (signal.aborted) return;
    deps.log.error("housekeeping failed", { chore: chore.name, error });
  }
}

/** Number of the turn that `at` (milliseconds since the Unix epoch) belongs to. */
function turnOf({ everyMs, offsetMs = 0 }: Chore, at: number): number {
  return Math.floor((at - offsetMs) / everyMs);
}

function untilNext(chore: Chore, now: number): number {
  const { everyMs, offsetMs = 0 } = chore;
  return (turnOf(chore, now) + 1) * everyMs + offsetMs - now;
}
