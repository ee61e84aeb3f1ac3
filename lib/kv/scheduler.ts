/**
 * Runs periodic tasks shared by all instances of one store: the first instance
 * runs a task, the others skip that period.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { periodOf, runIfDue, type ScheduledTask } from "./scheduled_task.ts";
import type { Kv } from "./kv.ts";

export interface SchedulerDeps {
  readonly kv: Kv;
  /** Must be the clock of `kv`. */
  readonly clock: Clock;
  readonly log: Logger;
}

/** A running scheduler. */
export interface RunningScheduler {
  /** Runs the tasks that are due; for platforms where timers do not survive. */
  round(): Promise<void>;
  /** Stops the scheduler; resolves when no task is running. */
  stop(): Promise<void>;
}

/** The first check comes early, because a crash may have left work behind. */
const FIRST_MS = 5_000;

/** Runs `tasks` in the background. Missed periods are made up by one run soon after the start. */
export function startScheduler(
  deps: SchedulerDeps,
  tasks: readonly ScheduledTask[],
): RunningScheduler {
  const { clock } = deps;
  const stopped = new AbortController();
  const { signal } = stopped;
  const work = (task: ScheduledTask) => quietly(deps, task, signal);
  const loops = tasks.map(async (task) => {
    await clock.sleep(FIRST_MS, signal);
    while (!signal.aborted) {
      await work(task);
      await clock.sleep(untilNext(task, clock.now()), signal);
    }
  });
  const rounds = new Set<Promise<unknown>>();
  return {
    round: async () => {
      const round = Promise.all(tasks.map(work));
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
  deps: SchedulerDeps,
  task: ScheduledTask,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runIfDue(deps, task, signal);
  } catch (error) {
    if (signal.aborted) return;
    deps.log.error("housekeeping failed", { task: task.name, error });
  }
}

function untilNext(task: ScheduledTask, now: number): number {
  const { everyMs, offsetMs = 0 } = task;
  return (periodOf(task, now) + 1) * everyMs + offsetMs - now;
}
