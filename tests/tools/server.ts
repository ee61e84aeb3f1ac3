/**
 * Starts servers for the suites, waits until they respond, measures their cost
 * and stops them.
 *
 * @module
 */

import { kill } from "./command.ts";

/** How a server is started. */
export interface ServerCommand {
  /** Its name in messages. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Names of our own environment that it must not see. */
  readonly hide?: readonly string[];
  /** Added to what is left of it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File that takes what it prints; replaced when it exists. */
  readonly logFile: string;
  /** Answers with any status below 500 once it is ready. */
  readonly readyUrl: string;
  /** Milliseconds until it must be ready; one minute unless told. */
  readonly limitMs?: number;
}

/** A running server. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Whether the process is still there. */
  running(): boolean;
  /** Stops it, kills it after 15 seconds; resolves when it has exited. */
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
const POLL_MS = 100;

/**
 * Starts a server and resolves when it is ready.
 *
 * @throws {Error} with the end of its output, when it ends before or is late.
 */
export async function startServer(command: ServerCommand): Promise<Server> {
  const log = await Deno.open(command.logFile, {
    write: true,
    create: true,
    truncate: true,
  });
  const env = Deno.env.toObject();
  for (const name of command.hide ?? []) delete env[name];
  Object.assign(env, command.env);
  const child = new Deno.Command(command.program, {
    args: [...command.args],
    clearEnv: true,
    env,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const copied = Promise.all([
    copy(child.stdout, log),
    copy(child.stderr, log),
  ]).finally(() => log.close());

  let alive = true;
  const gone = child.status.then(async () => {
    alive = false;
    await copied;
  });
  const stop = async () => {
    if (alive) kill(child, "SIGTERM");
    const limit = setTimeout(() => kill(child, "SIGKILL"), STOP_LIMIT_MS);
    await gone;
    clearTimeout(limit);
  };

  const end = Date.now() + (command.limitMs ?? READY_LIMIT_MS);
  while (!await answers(command.readyUrl)) {
    if (alive && Date.now() < end) {
      await sleep(POLL_MS);
      continue;
    }
    const how = alive ? "is not ready in time" : "ended before it was ready";
    await stop();
    const words = (await Deno.readTextFile(command.logFile)).slice(-2000);
    throw new Error(`${command.name} ${how}:\n${words}`);
  }
  return {
    name: command.name,
    pid: child.pid,
    logFile: command.logFile,
    running: () => alive,
    stop,
  };
}

async function copy(
  stream: ReadableStream<Uint8Array>,
  file: Deno.FsFile,
): Promise<void> {
  for await (const chunk of stream) {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status < 500;
  } catch (error) {
    if (error instanceof TypeError) return false; // nobody listens yet
    if (error instanceof DOMException) return false; // listens, and is silent
    throw error;
  }
}

/** Milliseconds of processor time that a process has used so far (Linux). */
export async function cpuMs(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  return (utime + stime) * 10; // ticks of 10 ms
}

/** Resets the peak of a process's resident memory (Linux). */
export async function resetPeakRss(pid: number): Promise<void> {
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5", { create: false });
}

/** Peak of a process's resident memory in bytes since the last reset (Linux). */
export async function peakRss(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kib] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  return Number(kib) * 1024;
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
