/**
 * Runs the server.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";
import { type AppContext, createContext } from "../lib/context.ts";
import {
  areIslandsBuilt,
  buildIslands,
} from "../lib/install/island_modules.ts";
import { type RunningScheduler, startScheduler } from "../lib/kv/scheduler.ts";
import type { NetworkStreams } from "../lib/context/streams.ts";
import type { JobRunner } from "../lib/kv/jobs/job_runner.ts";
import { AppError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { watchProcess } from "../lib/metrics/process_metrics.ts";
import { openTracing } from "../lib/tracing.ts";
import { createApp } from "../routes/app.ts";
import { socketSubject } from "../routes/server/client_address.ts";
import {
  type Handler,
  listen,
  listenByDeno,
  type Listening,
  type ListenOptions,
  type Upgrade,
  usesDenoServe,
} from "../routes/server/serve.ts";
import { serverLimits } from "../routes/server/server_limits.ts";
import { VERSION } from "../routes/version.ts";
import { createFirehoseUpgrade } from "../routes/xrpc/com.atproto.sync/event_socket.ts";
import type { Sandbox } from "../sandbox/launch.ts";
import { announceHold } from "./announce.ts";
import { pausedWhileReadOnly, scheduledTasks } from "./housekeeping.ts";
import { openLog, type ServerLog } from "./logging.ts";
import { sandboxOf } from "./open_context.ts";
import { limitStop, stopSignal, stopWork } from "./stop.ts";
import {
  adviceOfDeno,
  OLDEST_SANDBOX_DENO,
  refusalOfDeno,
} from "./start/oldest_deno.ts";
import { settleHold } from "./settle_hold.ts";
import { welcome } from "./welcome.ts";

/** Time to send the last log lines to a log service, in milliseconds. */
const LAST_LINES_MS = 3_000;

/** Longest time to catch up with the network, in milliseconds. */
const CATCH_UP_MS = 60_000;

/** Serves until the process receives a stop signal, then lets requests in progress finish. */
export async function serve(config: Config): Promise<void> {
  const tracing = openTracing();
  const lines = openLog(config, tracing);
  const { log } = lines;
  globalThis.addEventListener("unload", () => lines.flush());
  for (const notice of config.origin.notices) {
    log.warn("configuration", { notice });
  }
  const background = Promise.withResolvers<Background>();
  const { deploy, preview } = config;
  if (deploy && !preview) wakeFor(background.promise);
  let stopping = false;
  let handler: Handler = starting;
  let upgrade: Upgrade | undefined;
  const dead = Promise.withResolvers<never>();
  dead.promise.catch(() => {}); // Only used once the server is ready.
  // Listen first, so that a port in use is reported at once and not after the sandbox has started.
  const listening = await open(config, log, {
    fetch: (request, connection) => handler(request, connection),
    onDead: (error) => dead.reject(error),
    upgrade: {
      wants: (request) => upgrade?.wants(request) ?? false,
      take: (...connection) => upgrade?.take(...connection),
    },
  });
  const stop = stopSignal();
  let sandbox: Sandbox | undefined;
  let ctx: AppContext | undefined;
  try {
    sandbox = await startSandbox(config, log, stop.signal);
    const network = sandbox ?? sandboxOf(config);
    ctx = await createContext(config, log, {
      ...(network ? { sandbox: network } : {}),
      tracing,
    });
    watchProcess(ctx.metrics, VERSION);
    watchShipper(ctx, lines);
    await ctx.instance.start();
    const settled = await settleHold(ctx, stop.signal);
    // On a laptop, save the memory of warm workers.
    if (!config.sandbox.enabled) await ctx.avatars?.start();
    await prepareIslands(log);
    const app = createApp(ctx, {
      stopping: () => stopping,
      denoServe: usesDenoServe(deploy),
    });
    if (ctx.hold) {
      const subject = socketSubject({ trustProxy: config.server.trust_proxy });
      upgrade = createFirehoseUpgrade(ctx.hold.firehose, subject);
    }
    handler = (request, connection) => app.fetch(request, connection);
    const tasks = preview ? [] : scheduledTasks(ctx);
    const running = startScheduler(
      ctx,
      pausedWhileReadOnly(ctx.readOnly, tasks),
    );
    if (!preview) ctx.jobs.start();
    background.resolve({
      tasks: running,
      jobs: ctx.jobs,
      streams: ctx.streams,
    });
    const announced = announceHold(ctx, stop.signal);
    const listened = preview ? undefined : ctx.streams.run(stop.signal);
    log.info("ready", { url: config.server.base_url, port: listening.port });
    if (sandbox) print(welcome(config, sandbox));
    await Promise.race([stop.requested, dead.promise]);
    stopping = true;
    log.info("stopping");
    limitStop(config, log, lines);
    await stopWork(ctx, listening, running, [
      settled.retrying,
      announced,
      listened,
    ]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await listening.stop(0);
    ctx?.close();
    await sandbox?.stop();
    stop.release();
  }
  log.info("stopped");
  await lines.shipper?.stop(LAST_LINES_MS);
  lines.flush();
  // A pending operation of the runtime must not keep a stopped process alive.
  Deno.exit();
}

/** Exports what the sender of log lines counts. */
function watchShipper({ metrics }: AppContext, { shipper }: ServerLog): void {
  if (shipper === undefined) return;
  metrics.watch(
    "counter",
    "atcr_log_lines_shipped_total",
    "Log lines that the log service took.",
    () => shipper.sent,
  );
  metrics.watch(
    "counter",
    "atcr_log_lines_dropped_total",
    "Log lines that did not reach the log service.",
    () => shipper.dropped,
  );
}

/** Builds the modules of islands where they are missing or old; without them pages have no scripts. */
async function prepareIslands(log: Logger): Promise<void> {
  const root = new URL("../", import.meta.url);
  try {
    if (!await areIslandsBuilt(root)) await buildIslands(root);
  } catch (error) {
    // On a server the program may not start the bundler.
    const reason = error instanceof Deno.errors.NotCapable ? {} : { error };
    log.warn("scripts of pages not built; run: deno task build", reason);
  }
}

/** Background work. */
interface Background {
  readonly tasks: RunningScheduler;
  readonly jobs: JobRunner;
  readonly streams: NetworkStreams;
}

/**
 * On Deno Deploy an idle instance sleeps together with its timers: the platform
 * wakes it for periodic tasks and due jobs.
 */
function wakeFor(background: Promise<Background>): void {
  Deno.cron("housekeeping", { minute: { every: 10 } }, async () => {
    const { tasks, jobs } = await background;
    await Promise.all([tasks.round(), jobs.runDue()]);
  });
  Deno.cron("network", { minute: { every: 2 } }, async () => {
    const { streams, jobs } = await background;
    await streams.catchUp(new AbortController().signal, CATCH_UP_MS);
    await jobs.runDue();
  });
}

/** Responds while the program is not ready yet. */
function starting(request: Request): Response {
  const alive = new URL(request.url).pathname === "/livez";
  return Response.json({ status: alive ? "ok" : "starting" }, {
    status: alive ? 200 : 503,
    headers: { "retry-after": "2" },
  });
}

async function open(
  config: Config,
  log: Logger,
  serve: Pick<ListenOptions, "fetch" | "upgrade" | "onDead">,
): Promise<Listening> {
  if (config.deploy) return listenByDeno({ ...serve, log });
  const { hostname, port } = config.server.listen;
  if (usesDenoServe(false)) {
    const advice = adviceOfDeno(Deno.version.deno);
    if (advice) log.warn(advice);
    return listenByDeno({ ...serve, log, address: { hostname, port } });
  }
  const limits = serverLimits(config.server);
  return await listen({ hostname, port, log, limits, ...serve });
}

async function startSandbox(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<Sandbox | undefined> {
  if (!config.sandbox.enabled || !config.sandbox.start) return undefined;
  const refusal = refusalOfDeno(
    Deno.version.deno,
    "the sandbox network",
    OLDEST_SANDBOX_DENO,
  );
  if (refusal !== undefined) {
    const way = "Or start without that network (ATCR_SANDBOX=off).";
    throw new AppError("UNAVAILABLE", `${refusal} ${way}`);
  }
  // Loaded lazily: a public server does not use it.
  const sandbox = await import("../sandbox/launch.ts");
  return await sandbox.startSandbox({
    dataDir: `${config.data_dir}/sandbox`,
    pdsPort: config.sandbox.pds_port,
    plcPort: config.sandbox.plc_port,
    hosts: config.server.roles.includes("hold") ? [config.hold.public_url] : [],
    log: log.with({ part: "sandbox" }),
    signal,
  });
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
