/**
 * Work that comes round by the clock and is shared by all instances of one
 * store: whoever comes first does it, the others skip that turn.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { type Chore, doChore, turnOf } from "./chore.ts";
import type { Kv } from "./kv.ts";

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
