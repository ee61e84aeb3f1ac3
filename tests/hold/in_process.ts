/**
 * The program in this process, with a store and a clock that the test brings,
 * listening on a port as always.
 *
 * @module
 */

import { loadConfig } from "../../lib/config/config.ts";
import {
  type AppContext,
  createContext,
  type Overrides,
} from "../../lib/context.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { BlobStore } from "../../lib/storage/blob_store.ts";
import { createApp } from "../../routes/app.ts";
import { listen } from "../../routes/server/serve.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { type TestServer } from "../support/server.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import type { SandboxNetwork } from "../../lib/context/network.ts";

/** A running program; `pid` is our own, `stop` ends the listening only. */
export interface InProcess extends TestServer {
  readonly ctx: AppContext;
  /** Lets time pass for the program; milliseconds. */
  advance(ms: number): void;
}

/** What {@linkcode openProgram} is given. */
interface ProgramOptions {
  readonly port: number;
  readonly dataDir: string;
  readonly sandbox: SandboxNetwork;
  readonly env?: Readonly<Record<string, string>>;
  readonly overrides?: Pick<Overrides, "store" | "clock">;
}

/** The program in this process, listening on `port`, on data that may be there already. */
export async function openProgram(options: ProgramOptions) {
  const { port, dataDir, sandbox, env, overrides } = options;
  const config = loadConfig({
    args: [],
    env: {
      ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
      ATCR_DATA_DIR: dataDir,
      ATCR_SERVER_ROLES: "registry,hold",
      ...env,
    },
    readTextFile: () => "",
  });
  const ctx = await createContext(config, silentLogger, {
    ...overrides,
    sandbox,
  });
  await ctx.hold?.start.settle();
  const app = createApp(ctx, { stopping: () => false, denoServe: false });
  const listening = await listen({
    hostname: "127.0.0.1",
    port,
    fetch: (request) => app.fetch(request),
    log: silentLogger,
  });
  return { ctx, listening };
}

/** Starts the program on `store`, with the sandbox network. */
export async function startInProcess(
  store: BlobStore,
  env: Readonly<Record<string, string>> = {},
): Promise<InProcess> {
  const sandbox = await startTestSandbox();
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-" });
  const port = freePort();
  let passed = 0;
  const clock: Clock = {
    now: () => systemClock.now() + passed,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
  const { ctx, listening } = await openProgram({
    port,
    dataDir,
    sandbox,
    env,
    overrides: { store, clock },
  });
  const host = `127.0.0.1:${port}`;
  return {
    ctx,
    advance: (ms) => void (passed += ms),
    origin: `http://${host}`,
    host,
    port,
    ports: [port, portOf(sandbox.pds), portOf(sandbox.plc)],
    pid: Deno.pid,
    dataDir,
    pds: sandbox.pds,
    alice: sandbox.alice,
    bob: sandbox.bob,
    log: () => "",
    stop: async () => {
      await listening.stop(0);
      return { success: true, code: 0, signal: null };
    },
    [Symbol.asyncDispose]: async () => {
      await listening.stop(0);
      ctx.close();
      await sandbox[Symbol.asyncDispose]();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

function portOf(origin: string): number {
  return Number(new URL(origin).port);
}
