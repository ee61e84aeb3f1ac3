/**
 * The world of a chaos run: the sandbox network behind its weather, and
 * instances of the program that share one data folder on a disk of its own.
 *
 * @module
 */

import { createAccount, startTestSandbox } from "../support/sandbox.ts";
import { networkEnv } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import type { TestAccount } from "../support/server.ts";
import { freePorts } from "../tools/ports.ts";
import type { Random } from "./random.ts";
import { startWeather, type WeatherNetwork } from "./weather.ts";

const CLOCK = new URL("clock.ts", import.meta.url).pathname;
const DISK_BYTES = 12 * 1024 ** 3;

/** One place of an instance; the process in it changes. */
export interface Instance {
  readonly name: string;
  readonly origin: string;
  /** Undefined while it is down. */
  readonly program: Program | undefined;
  /** Moves its clock by so many milliseconds. */
  setClock(offsetMs: number): Promise<void>;
  /** Starts the process again. */
  start(): Promise<void>;
  /** Ends the process, if it runs. */
  stop(signal: Deno.Signal): Promise<void>;
  /** What its processes have logged since the last call. */
  takeLog(): string;
}

/** Everything that a run disturbs and looks at. */
export interface World extends AsyncDisposable {
  readonly weather: WeatherNetwork;
  readonly instances: readonly Instance[];
  readonly accounts: readonly TestAccount[];
  /** Settings of every instance and of commands. */
  readonly env: Readonly<Record<string, string>>;
  /** The real PDS, without weather. */
  readonly pds: string;
  readonly hold: string;
  /** Fills the disk, or makes room again; undefined where no disk can be mounted. */
  readonly setDiskFull: ((isFull: boolean) => Promise<void>) | undefined;
}

/** Builds the world. */
export async function startWorld(
  options: { instances: number; owners: number; random: Random },
): Promise<World> {
  const sandbox = await startTestSandbox();
  const weather = await startWeather(sandbox, options.random.fork());
  const disk = await mountDisk();
  const dataDir = `${disk.path}/data`;
  await Deno.mkdir(dataDir, { recursive: true });
  const ports = freePorts(options.instances);
  const baseUrl = `http://localhost:${ports[0]}`;
  const accounts: TestAccount[] = [];
  for (let i = 0; i < options.owners; i++) {
    accounts.push(await createAccount(sandbox, `owner${i}.test`));
  }
  const env = {
    ...networkEnv(weather),
    ATCR_DATA_DIR: dataDir,
    ATCR_SERVER_BASE_URL: baseUrl,
    HOLD_OWNER: sandbox.alice.did,
    HOLD_PUBLIC: "true",
    HOLD_ALLOW_ALL_CREW: "true",
  };
  const instances = ports.map((port, i) =>
    instance(`instance ${i}`, port, dataDir, {
      ...env,
      CHAOS_CLOCK_FILE: `${disk.path}/clock-${i}`,
    })
  );
  for (const one of instances) await one.start();
  return {
    weather,
    instances,
    accounts,
    env,
    pds: sandbox.pds,
    hold: `did:web:localhost%3A${ports[0]}`,
    setDiskFull: disk.setFull,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(instances.map((one) => one.stop("SIGTERM")));
      await weather[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
      await disk.remove();
    },
  };
}

function instance(
  name: string,
  port: number,
  dataDir: string,
  env: Record<string, string> & { CHAOS_CLOCK_FILE: string },
): Instance {
  let program: Program | undefined;
  let logged = "";
  let taken = 0;
  const takeLog = () => {
    const log = program?.log() ?? "";
    // The last line may not be there as a whole yet.
    const end = log.lastIndexOf("\n") + 1;
    const text = logged + log.slice(taken, end);
    logged = "";
    taken = end;
    return text;
  };
  return {
    name,
    origin: `http://127.0.0.1:${port}`,
    get program() {
      return program;
    },
    setClock: (offsetMs) =>
      Deno.writeTextFile(env.CHAOS_CLOCK_FILE, String(offsetMs)),
    start: async () => {
      program = await startProgram({
        port,
        dataDir,
        env,
        runner: [Deno.execPath(), "run", "-A", `--preload=${CLOCK}`],
      });
    },
    stop: async (signal) => {
      const ending = program;
      const from = taken;
      program = undefined;
      taken = 0;
      if (!ending) return;
      await ending.stop(signal);
      logged += ending.log().slice(from);
    },
    takeLog,
  };
}

/** A disk in memory where this user may mount one, a plain folder elsewhere. */
async function mountDisk() {
  const path = await Deno.makeTempDir({ prefix: "atcr-chaos-" });
  const mount = async (...args: string[]) => {
    const command = new Deno.Command("mount", { args, stderr: "null" });
    return (await command.output().catch(() => ({ success: false }))).success;
  };
  const size = `size=${DISK_BYTES}`;
  const isMounted = Deno.build.os === "linux" &&
    await mount("-t", "tmpfs", "-o", size, "atcr-chaos", path);
  const setFull = async (isFull: boolean) => {
    // A disk cannot be made smaller than what is on it, and that may grow meanwhile.
    for (let attempt = 0; attempt < 20; attempt++) {
      const size = isFull ? await usedBytes(path) : DISK_BYTES;
      if (await mount("-o", `remount,size=${size}`, path)) return;
    }
    throw new Error(`Cannot change the size of ${path}`);
  };
  return {
    path,
    setFull: isMounted ? setFull : undefined,
    remove: async () => {
      if (isMounted) {
        await new Deno.Command("umount", { args: ["-l", path] }).output();
      }
      await Deno.remove(path, { recursive: true });
    },
  };
}

async function usedBytes(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("df", {
    args: ["--output=used", "-B1", path],
  }).output();
  return Number(new TextDecoder().decode(stdout).trim().split(/\s+/).at(-1));
}
