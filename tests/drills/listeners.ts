/**
 * Two instances with one store that follow a sandbox network from outside.
 *
 * @module
 */

import { networkEnv } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePorts } from "../tools/ports.ts";

const CLOCK = new URL("../chaos/clock.ts", import.meta.url).pathname;
const HOUR_MS = 3_600_000;

/** The instances and their network. */
export interface Listeners extends AsyncDisposable {
  readonly sandbox: TestSandbox;
  /** Those that run. */
  readonly instances: readonly Program[];
  /** Starts both; their clocks are ahead of that of the machine. */
  start(options: { hoursAhead: number }): Promise<void>;
  stop(): Promise<void>;
  /** Kills one with SIGKILL and starts it again. */
  kill(index: number): Promise<void>;
}

/** Starts a network and both instances, with a public hold of alice's. */
export async function startListeners(): Promise<Listeners> {
  const opened = new AsyncDisposableStack();
  const sandbox = opened.use(await startTestSandbox());
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-index-" });
  opened.defer(() => Deno.remove(dataDir, { recursive: true }));
  const clock = `${dataDir}/clock`;
  const ports = freePorts(2);
  const relay = new URL(sandbox.relay);
  const env = {
    ...networkEnv(sandbox),
    ATCR_IDENTITY_PLAIN_ORIGINS: `${sandbox.pds},${relay.origin}`,
    ATCR_INDEX_JETSTREAM_URLS: `ws://${relay.host}/subscribe`,
    ATCR_INDEX_RELAY_URL: relay.origin,
    ATCR_SERVER_BASE_URL: `http://localhost:${ports[0]}`,
    ATCR_HOLD_OWNER: sandbox.alice.did,
    ATCR_HOLD_PUBLIC: "true",
    CHAOS_CLOCK_FILE: clock,
  };
  const instances: Program[] = [];
  const run = (port: number) =>
    startProgram({
      port,
      dataDir,
      env,
      runner: [Deno.execPath(), "run", "-A", `--preload=${CLOCK}`],
    });
  const stop = async () => {
    await Promise.all(instances.splice(0).map((one) => one.stop()));
  };
  const start = async ({ hoursAhead }: { hoursAhead: number }) => {
    await Deno.writeTextFile(clock, String(hoursAhead * HOUR_MS));
    for (const port of ports) instances.push(await run(port));
  };
  opened.defer(stop);
  await start({ hoursAhead: 0 });
  return {
    sandbox,
    instances,
    start,
    stop,
    kill: async (index) => {
      const killed = instances[index];
      if (!killed) throw new Error("That instance does not run");
      await killed.stop("SIGKILL");
      instances[index] = await run(killed.port);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
