/**
 * Periodic tasks of the server.
 *
 * @module
 */

import type { AppContext } from "../lib/context.ts";
import type { GcReport } from "../lib/hold/gc/gc.ts";
import { LargeValues } from "../lib/kv/large_value.ts";
import type { Logger } from "../lib/log.ts";
import type { HoldAppContext } from "./open_context.ts";
import type { ScheduledTask } from "../lib/kv/scheduled_task.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Name of the nightly garbage collection, which must not run together with `hold gc`. */
export const GC_TASK = "hold gc";

/** Collects the hold's garbage after pending push events have been delivered. */
export async function collectGarbage(
  { registry, hold }: Pick<HoldAppContext, "registry" | "hold">,
  signal: AbortSignal,
  progress?: (blobs: number) => void,
): Promise<GcReport> {
  await registry?.deliveries?.deliverAll(signal);
  return await hold.gc.run(signal, progress);
}

/** All periodic tasks for the configuration of `ctx`, measured. */
export function scheduledTasks(ctx: AppContext): ScheduledTask[] {
  const { system } = ctx.metrics;
  return tasksOf(ctx).map((task) => ({
    ...task,
    run: (signal) => system.chores.run(task.name, () => task.run(signal)),
  }));
}

function tasksOf(ctx: AppContext): ScheduledTask[] {
  const { kv, clock, log, registry, hold, avatars, index, social } = ctx;
  const values = new LargeValues(kv, clock);
  const tasks = [
    sweep(log, "expired rows", MINUTE_MS, () => kv.sweepExpired()),
    sweep(log, "large values", HOUR_MS, () => values.sweep()),
  ];
  if (index) {
    tasks.push(
      { name: "index", everyMs: HOUR_MS, run: () => index.settle() },
      sweep(log, "moves of tags", 24 * HOUR_MS, () => index.sweep()),
    );
  }
  if (registry) {
    const { content } = registry;
    tasks.push(sweep(log, "cached manifests", HOUR_MS, () => content.evict()));
  }
  if (social) tasks.push(...countTasks(social, ctx));
  if (avatars) {
    tasks.push(sweep(log, "avatars", HOUR_MS, () => avatars.sweep()));
  }
  if (hold) tasks.push(...holdTasks(hold, ctx));
  return tasks;
}

/** A task that removes what has expired, and logs how much. */
function sweep(
  log: Logger,
  what: string,
  everyMs: number,
  work: () => Promise<number>,
): ScheduledTask {
  return {
    name: `sweep ${what}`,
    everyMs,
    run: async () => {
      const removed = await work();
      if (removed > 0) log.info("swept", { what, removed });
    },
  };
}

/** The periodic tasks of a hold. */
function holdTasks(
  hold: NonNullable<AppContext["hold"]>,
  { config, log, metrics, registry }: AppContext,
): ScheduledTask[] {
  const tasks: ScheduledTask[] = [
    sweep(log, "uploads", 10 * MINUTE_MS, () => hold.uploads.sweep()),
    sweep(log, "events", 5 * MINUTE_MS, () => hold.repo.sweep()),
    sweep(log, "repo blobs", HOUR_MS, () => hold.pdsBlobs.sweep()),
    {
      name: "pull counts",
      everyMs: 10 * SECOND_MS,
      local: true,
      run: async () => {
        // They wait while the account is deactivated.
        if ((await hold.repo.head()).active) await hold.stats.flush();
      },
    },
  ];
  if (config.hold.gc.enabled) {
    tasks.push({
      name: GC_TASK,
      everyMs: 24 * HOUR_MS,
      offsetMs: 3 * HOUR_MS,
      run: async (signal) => {
        const report = await collectGarbage({ registry, hold }, signal);
        log.info("garbage collected", { ...report });
        metrics.hold.collected({ ...report });
      },
    });
  }
  return tasks;
}

/** Leaves out the turns of tasks while nothing may be changed. */
export function pausedWhileReadOnly(
  readOnly: AppContext["readOnly"],
  tasks: readonly ScheduledTask[],
): ScheduledTask[] {
  return tasks.map((task) => ({
    ...task,
    run: async (signal) => {
      if (!await readOnly.isOn()) await task.run(signal);
    },
  }));
}

/** The periodic tasks of counts and boards. */
function countTasks(
  { counts, flush }: NonNullable<AppContext["social"]>,
  { hold, metrics }: AppContext,
): ScheduledTask[] {
  const tasks: ScheduledTask[] = [
    {
      name: "pulls and pushes",
      everyMs: 30 * SECOND_MS,
      local: true,
      run: flush,
    },
    { name: "boards", everyMs: 15 * MINUTE_MS, run: counts.refresh },
    {
      name: "days of counts",
      everyMs: 24 * HOUR_MS,
      offsetMs: 4 * HOUR_MS,
      run: async (signal) => {
        await counts.fold(signal);
      },
    },
  ];
  if (hold) {
    tasks.push({
      name: "hold storage",
      everyMs: 24 * HOUR_MS,
      offsetMs: 23 * HOUR_MS,
      run: async (signal) => {
        const amount = await hold.blobs.amount(signal);
        metrics.hold.stored(amount);
        await counts.storage.note(hold.did, amount);
      },
    });
  }
  return tasks;
}
