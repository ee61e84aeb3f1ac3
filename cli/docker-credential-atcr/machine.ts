/**
 * Interface to the machine, so that tests can replace it.
 *
 * @module
 */

import { printable } from "../../lib/text.ts";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { Buffer } from "node:buffer";
import process from "node:process";

/** Result of a program. */
export interface Ran {
  /** Exit code; undefined when the program was not found. */
  readonly code: number | undefined;
  readonly stdout: string;
}

/** The machine. */
export interface Machine {
  readonly platform: "linux" | "darwin" | "win32";
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly hostname: string;
  /** Whether the input is a terminal. */
  readonly interactive: boolean;
  /** Prints a message for the user. */
  say(text: string): void;
  /** Prints the requested output. */
  print(text: string): void;
  /** Everything on standard input. */
  input(): Promise<string>;
  /** Prompts the user for a line. */
  ask(question: string): Promise<string>;
  /** Runs a program with `stdin`; at most 10 seconds. */
  run(command: string, args: readonly string[], stdin?: string): Promise<Ran>;
  /** Starts a program without waiting for it. */
  start(command: string, args: readonly string[]): void;
  /** Command line of the calling program; undefined when unknown. */
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
    // The text may come from a registry.
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
      // Without a browser the user opens the URL manually.
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
    // Not the option of spawn, whose timer keeps running when the program was not found.
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
    // A program that does not read its input closes the pipe early.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

/** The arguments of a process: from /proc, else from ps. */
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
