/**
 * Runs periodic tasks shared by all instances of one store: the first instance
 * runs a task, the others skip that period.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { type Chore, doChore, turnOf } from "./chore.ts";
import type { Kv } from "./kv.ts";

export interface ChoresDeps {
  readonly kv: Kv;
  /** Must be the clock of `kv`. */
  readonly clock: Clock;
  readonly log: Logger;
}

/** A running scheduler. */
export interface RunningChores {
  /** Runs the tasks that are due; for platforms where timers do not survive. */
  round(): Promise<void>;
  /** Stops the scheduler; resolves when no task is running. */
  stop(): Promise<void>;
}

/** The first check comes early, because a crash may have left work behind. */
const FIRST_MS = 5_000;

/** Runs `chores` in the background. Missed periods are made up by one run soon after the start. */
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

function untilNext(chore: Chore, now: number): number {
  const { everyMs, offsetMs = 0 } = chore;
  return (turnOf(chore, now) + 1) * everyMs + offsetMs - now;
}
