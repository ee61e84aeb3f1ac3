/**
 * How the server stops: by a signal, after requests in progress and background
 * work have ended.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";
import type { AppContext } from "../lib/context.ts";
import type { RunningScheduler } from "../lib/kv/scheduler.ts";
import type { Logger } from "../lib/log.ts";
import type { Listening } from "../routes/server/serve.ts";
import type { ServerLog } from "./logging.ts";

/** Time for background work to end after the last request, in milliseconds. */
const LAST_WORK_MS = 5_000;

/** Time for requests in progress on Deno Deploy, in milliseconds. */
const DEPLOY_GRACE_MS = 3_000;

/** Time for everything else when stopping, in milliseconds. */
const STOP_LIMIT_MS = 30_000;

/** Waits for SIGTERM or SIGINT. */
export function stopSignal() {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const onSignal = () => {
    controller.abort(new Error("stopped"));
    resolve();
  };
  const signals = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return {
    signal: controller.signal,
    requested: promise,
    release: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    },
  };
}

/** Ends the process when it takes much longer to stop than the time for requests in progress. */
export function limitStop(config: Config, log: Logger, lines: ServerLog): void {
  const overdue = setTimeout(() => {
    log.error("stopping takes too long, the process ends now");
    lines.flush();
    Deno.exit(1);
  }, graceOf(config) + STOP_LIMIT_MS);
  Deno.unrefTimer(overdue);
}

/** Lets requests in progress and background work end, and writes what is only in memory. */
export async function stopWork(
  ctx: AppContext,
  listening: Listening,
  tasks: RunningScheduler,
  others: readonly (Promise<unknown> | undefined)[],
): Promise<void> {
  const { deploy } = ctx.config;
  ctx.hold?.firehose.close();
  ctx.live?.close();
  // The platform may end the process before the last requests have ended.
  if (deploy) await flushCounts(ctx);
  await listening.stop(graceOf(ctx.config));
  // Announcing may wait for other servers, so it is not awaited for long.
  const ended = new AbortController();
  await Promise.race([
    Promise.all([tasks.stop(), ctx.jobs.stop(), ...others]),
    ctx.clock.sleep(deploy ? LAST_WORK_MS / 10 : LAST_WORK_MS, ended.signal),
  ]);
  ended.abort();
  await flushCounts(ctx);
  await ctx.instance.stop();
}

/** Time for requests in progress when stopping, in milliseconds; Deno Deploy gives five seconds for everything. */
function graceOf({ deploy, server }: Config): number {
  const graceMs = server.shutdown_timeout_seconds * 1000;
  return deploy ? Math.min(graceMs, DEPLOY_GRACE_MS) : graceMs;
}

/** Writes the counts of pulls that are in memory. */
async function flushCounts({ hold, social, log }: AppContext): Promise<void> {
  for (const counts of [hold?.stats, social]) {
    await counts?.flush().catch((error) =>
      log.error("the last pulls are not counted", { error })
    );
  }
}
