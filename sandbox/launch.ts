/**
 * Starts the sandbox network, the reference PDS and PLC directory with two
 * accounts, as a child process.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import { AppError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { lines } from "./lines.ts";
import { ensurePackages, SANDBOX_DIR } from "./packages.ts";

/** Time from the spawn of the child to its ready line. */
const START_LIMIT_MS = 120_000;
/** Time for a clean shutdown, after which the child is killed. */
const STOP_LIMIT_MS = 5_000;
/** Lines of the child's standard error kept for error messages. */
const LAST_WORDS = 10;
/**
 * The environment variables passed to the child: locations of Deno's and
 * SQLite's caches and temporary files.
 */
const PASSED_ON = [
  "DENO_DIR",
  "HOME",
  "LOCALAPPDATA",
  "SystemRoot",
  "TEMP",
  "TMPDIR",
  "USERPROFILE",
  "XDG_CACHE_HOME",
];

const readyLine = z.object({
  pds: z.url(),
  plc: z.url(),
  relay: z.url(),
  accounts: z.array(z.object({
    handle: z.string(),
    did: z.string().startsWith("did:plc:"),
    password: z.string(),
    appPassword: z.string(),
  })),
});
const failedLine = z.object({ failed: z.string().optional() });
const answerLine = z.union([readyLine, failedLine]);

/** An account of the sandbox network with its credentials. */
export type SandboxAccount = z.infer<typeof readyLine>["accounts"][number];

/** How the child ended. */
export interface SandboxExit {
  /** Exit code; 128 plus the signal's number after a signal. */
  readonly code: number;
  /** Whether {@linkcode Sandbox.stop} was called before. */
  readonly requested: boolean;
}

/** A running sandbox network. */
export interface Sandbox {
  /** Origin of the PDS, `http://localhost:<port>`. It resolves `.test` handles. */
  readonly pds: string;
  /** Origin of the PLC directory, `http://localhost:<port>`. */
  readonly plc: string;
  /** Origin of the relay, `http://localhost:<port>`, which streams events as Jetstream does and knows which repos have a collection. */
  readonly relay: string;
  /** `alice.test` and `bob.test`, in this order. */
  readonly accounts: readonly SandboxAccount[];
  /** Process id of the child that runs both servers. */
  readonly pid: number;
  /** Resolves when the child has ended for any reason; never rejects. */
  readonly exited: Promise<SandboxExit>;
  /** Stops both servers; resolves when the child has exited, within 5 seconds. */
  stop(): Promise<void>;
}

/** Options of {@linkcode startSandbox}. */
export interface SandboxOptions {
  /** Data folder; created when missing. */
  readonly dataDir: string;
  /**
   * Port of the PDS. By default or with 0, that of the last start, or a free
   * one at the first. A changed port is written into the accounts' DID
   * documents.
   */
  readonly pdsPort?: number | undefined;
  /** Port of the PLC directory, chosen like the PDS's. */
  readonly plcPort?: number | undefined;
  /**
   * A client with the public address `origin` that the PDS reaches at `at`; for
   * confidential OAuth clients, whose address must look public.
   */
  readonly client?:
    | { readonly origin: string; readonly at: string }
    | undefined;
  /** Origins of other hosts of repos on this machine, which the relay follows while they run. */
  readonly hosts?: readonly string[] | undefined;
  readonly log: Logger;
  /** Aborts the start; no effect on a running network. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts the sandbox network and resolves when it accepts requests. It listens
 * on the loopback addresses only and ends with this process. The first start
 * installs packages, which can take minutes; later ones take about a second.
 *
 * @throws {AppError} UNAVAILABLE, with advice, when the packages cannot be
 * installed, a port is taken, the folder is in use or damaged, or the network
 * is not ready after two minutes.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { log } = options;
  const signal = options.signal ?? new AbortController().signal;
  await makeFolder(options.dataDir);
  await ensurePackages(log, signal);
  signal.throwIfAborted();

  const child = spawn(options);
  let ready = false;
  let stopping = false;
  const lastWords: string[] = [];
  const heard = relay(child.stderr, lastWords, log);
  const exited = child.status.then(async ({ code }): Promise<SandboxExit> => {
    await heard;
    if (ready && !stopping) {
      log.error("the sandbox network has ended", { code, lastWords });
    }
    return { code, requested: stopping };
  });
  const stop = async () => {
    stopping = true;
    const kill = setTimeout(() => end(child), STOP_LIMIT_MS);
    await child.stdin.close().catch(() => {}); // closed by an earlier end
    await exited;
    clearTimeout(kill);
  };

  const limit = setTimeout(() => end(child), START_LIMIT_MS);
  const giveUp = () => end(child);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const line = await firstLine(child.stdout);
    signal.throwIfAborted();
    const answer = line === undefined ? {} : answerLine.parse(JSON.parse(line));
    if (!("pds" in answer)) {
      await stop(); // for the last words
      throw startFailure(answer.failed, lastWords);
    }
    const { pds, plc, relay, accounts } = answer;
    ready = true;
    log.info("the sandbox network is ready", { pds, plc, relay });
    return { pds, plc, relay, accounts, pid: child.pid, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", giveUp);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AppError(
      "UNAVAILABLE",
      `The folder ${path} of the sandbox network cannot be made. Choose ` +
        "another data folder, or give this user the right to write there.",
      { cause },
    );
  }
}

type Child = ReturnType<typeof spawn>;

function spawn(options: SandboxOptions) {
  const { pdsPort = 0, plcPort = 0 } = options;
  const env: Record<string, string> = {
    ATCR_SANDBOX_DATA_DIR: resolve(options.dataDir),
    ATCR_SANDBOX_PDS_PORT: `${pdsPort}`,
    ATCR_SANDBOX_PLC_PORT: `${plcPort}`,
    ATCR_SANDBOX_HOSTS: (options.hosts ?? []).join(","),
    NO_COLOR: "1",
  };
  if (options.client) {
    const { origin, at } = options.client;
    env.ATCR_SANDBOX_CLIENT = `${origin}=${at}`;
  }
  for (const name of PASSED_ON) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--frozen",
      `--config=${SANDBOX_DIR}deno.json`,
      // Never writes to node_modules.
      "--node-modules-dir=manual",
      "--allow-net=127.0.0.1,[::1],localhost",
      "--allow-read",
      "--allow-write=.", // a name with a comma would be parsed as a list
      "--allow-env",
      "--allow-sys",
      `${SANDBOX_DIR}main.ts`,
    ],
    cwd: options.dataDir,
    clearEnv: true,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Ctrl-C in a terminal must not stop the network while requests are being
    // finished; the child ends when its stdin is closed.
    detached: true,
  }).spawn();
}

/** Kills the child, which is crash-safe. */
function end(child: Child): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has exited meanwhile.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Copies the child's output to the log and keeps the last lines. */
async function relay(
  stderr: Child["stderr"],
  lastWords: string[],
  log: Logger,
): Promise<void> {
  try {
    for await (const line of lines(stderr)) {
      log.debug("the sandbox network says", { line });
      lastWords.push(line);
      if (lastWords.length > LAST_WORDS) lastWords.shift();
    }
  } catch (error) {
    log.warn("cannot read what the sandbox network says", { error });
  }
}

/** The first line of `stdout`, if any; the rest is discarded. */
function firstLine(stdout: Child["stdout"]): Promise<string | undefined> {
  return new Promise((found, fail) => {
    const drain = async () => {
      for await (const line of lines(stdout)) found(line);
      found(undefined);
    };
    drain().catch(fail);
  });
}

function startFailure(
  reason: string | undefined,
  lastWords: readonly string[],
): AppError {
  const sentence = reason ??
    "The sandbox network ended before it was ready, or was not ready after " +
      `${START_LIMIT_MS / 1000} seconds. Try again, or start without it ` +
      "(ATCR_SANDBOX=off).";
  return new AppError("UNAVAILABLE", sentence, {
    cause: new Error(`it said: ${lastWords.join("\n") || "nothing"}`),
  });
}
