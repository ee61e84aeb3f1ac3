/**
 * What the helper needs of the machine it runs on, so that tests can give it
 * another one.
 *
 * @module
 */

import { printable } from "../../lib/text.ts";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { Buffer } from "node:buffer";
import process from "node:process";

/** How a program that was run has ended. */
export interface Ran {
  /** Exit code; undefined when the program is not there. */
  readonly code: number | undefined;
  readonly stdout: string;
}

/** The machine. */
export interface Machine {
  readonly platform: "linux" | "darwin" | "win32";
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly hostname: string;
  /** Whether a person sits at a terminal. */
  readonly interactive: boolean;
  /** Writes a line for the person. */
  say(text: string): void;
  /** Writes what a program or the person asked for. */
  print(text: string): void;
  /** Everything on standard input. */
  input(): Promise<string>;
  /** Asks the person for a line. */
  ask(question: string): Promise<string>;
  /** Runs a program with `stdin`; at most 10 seconds. */
  run(command: string, args: readonly string[], stdin?: string): Promise<Ran>;
  /** Starts a program and does not wait for it. */
  start(command: string, args: readonly string[]): void;
  /** Command line of the program that has called us; undefined when it cannot be known. */
  callerArgs(): Promise<string[] | undefined>;
  fetch(url: URL, init?: RequestInit): Promise<Response>;
  sleep(ms: number): Promise<void>;
  now(): number;
}

const RUN_LIMIT_MS = 10_000;
const MAX_INPUT = 1024 * 1024;

/** The machine that this process runs on. */
export function systemMachine(): Machine {
  const { platform, env } = process;
  return {
    platform: platform === "darwin" || platform === "win32"
      ? platform
      : "linux",
    env,
    home: env.HOME ?? env.USERPROFILE ?? homedir(),
    hostname: hostname(),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    // A registry's own words may be in it.
    say: (text) => void process.stderr.write(`${printable(text)}\n`),
    print: (text) => void process.stdout.write(`${text}\n`),
    input: readInput,
    ask: askLine,
    run,
    start: (command, args) => {
      const child = spawn(command, [...args], {
        stdio: "ignore",
        detached: true,
      });
      // Without a browser the person opens the address by hand.
      child.on("error", () => {});
      child.unref();
    },
    callerArgs: () => callerArgs(process.ppid),
    fetch: (url, init) => fetch(url, init),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: () => Date.now(),
  };
}

async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes: Uint8Array = typeof chunk === "string"
      ? new TextEncoder().encode(chunk)
      : chunk;
    size += bytes.length;
    if (size > MAX_INPUT) break;
    chunks.push(bytes);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

async function askLine(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
  });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

function run(
  command: string,
  args: readonly string[],
  stdin = "",
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    // Not the option of spawn, whose timer outlives a program that is not there.
    const limit = setTimeout(() => child.kill("SIGKILL"), RUN_LIMIT_MS);
    const chunks: Uint8Array[] = [];
    child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    child.on("error", () => {
      clearTimeout(limit);
      resolve({ code: undefined, stdout: "" });
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      const stdout = new TextDecoder().decode(Buffer.concat(chunks));
      resolve({ code: code ?? 1, stdout });
    });
    // A program that does not read its input ends the pipe early.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

/** The arguments of a process: from /proc, or from ps where there is none. */
async function callerArgs(pid: number): Promise<string[] | undefined> {
  if (process.platform === "win32") return undefined;
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return text.split("\0").filter((arg) => arg !== "");
  } catch {
    const { code, stdout } = await run("ps", [
      "-o",
      "command=",
      "-p",
      `${pid}`,
    ]);
    return code === 0 ? stdout.trim().split(/\s+/) : undefined;
  }
}
