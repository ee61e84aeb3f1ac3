/**
 * The program as a child process with exactly the settings that a test gives,
 * for parts of an installation: a hold alone, a registry alone, a command.
 *
 * @module
 */

import { resolve } from "node:path";

/** A running program. */
export interface Program extends AsyncDisposable {
  /** `http://localhost:<port>`; the name is part of a did:web. */
  readonly origin: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Its settings as environment variables, for commands beside it. */
  readonly env: Readonly<Record<string, string>>;
  /** Its log. */
  readonly log: () => string;
  /** Whether its process has ended, by itself or stopped. */
  readonly ended: () => boolean;
  /** Stops it and keeps its data. */
  stop(signal?: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** Options of {@linkcode startProgram}. */
export interface ProgramOptions {
  readonly port: number;
  /** Data of an earlier run; a new folder by default, removed at the end. */
  readonly dataDir?: string;
  readonly env: Readonly<Record<string, string>>;
  /** The command that runs `main.ts`; its path is added. By default Deno with all rights. */
  readonly runner?: readonly [string, ...string[]];
  /** Arguments of the program; none by default. */
  readonly args?: readonly string[];
  /** Folder of another checkout whose program is run; this one by default. */
  readonly checkout?: string;
}

/** Result of a command. */
export interface CommandResult {
  readonly code: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
  readonly errors: string;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const READY_MS = 180_000;

/** Starts the program and waits until it is ready. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { port } = options;
  const dataDir = options.dataDir ??
    await Deno.makeTempDir({ prefix: "atcr-" });
  const env = {
    ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
    ATCR_SERVER_BASE_URL: `http://localhost:${port}`,
    ATCR_DATA_DIR: dataDir,
    ...options.env,
  };
  const [runner, ...args] = options.runner ?? [Deno.execPath(), "run", "-A"];
  const main = options.checkout === undefined
    ? MAIN
    : resolve(options.checkout, "main.ts");
  const child = new Deno.Command(runner, {
    args: [...args, main, ...options.args ?? []],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env,
  }).spawn();
  let logged = "";
  let ended: Deno.CommandStatus | undefined;
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of child.stderr) {
      logged += decoder.decode(piece, { stream: true });
      if (logged.includes('"msg":"ready"')) ready.resolve();
    }
    ready.reject(new Error(`The program ended:\n${logged}`));
  })();
  const status = child.status.then((s) => ended = s);
  const timer = setTimeout(
    () => ready.reject(new Error(`The program is not ready:\n${logged}`)),
    READY_MS,
  );
  const stop = async (signal: Deno.Signal = "SIGTERM") => {
    if (!ended) child.kill(signal);
    const result = await status;
    await reading;
    return result;
  };
  const remove = async () => {
    if (!options.dataDir) await Deno.remove(dataDir, { recursive: true });
  };
  try {
    await ready.promise;
  } catch (error) {
    await stop("SIGKILL");
    await remove();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    origin: `http://localhost:${port}`,
    port,
    pid: child.pid,
    dataDir,
    env,
    log: () => logged,
    ended: () => ended !== undefined,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await remove();
    },
  };
}

/** Runs a command of the program with the settings `env`. */
export function command(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CommandResult> {
  return commandOf(MAIN, env, args);
}

/** The same with the program of another checkout. */
export function commandIn(
  checkout: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CommandResult> {
  return commandOf(resolve(checkout, "main.ts"), env, args);
}

async function commandOf(
  main: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<CommandResult> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { ...env },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    bytes: stdout,
    text: decoder.decode(stdout),
    errors: decoder.decode(stderr),
  };
}
