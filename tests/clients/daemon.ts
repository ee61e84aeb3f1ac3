/**
 * Daemons that clients talk to by a socket.
 *
 * @module
 */

import { kill } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { sleep } from "../tools/server.ts";

/** A running daemon. */
export interface Daemon {
  /** What it said when it was ready. */
  readonly answer: string;
  /** Stops it, kills it after 20 seconds; resolves when it has exited. */
  stop(): Promise<void>;
}

const READY_TRIES = 150;
const READY_PAUSE_MS = 200;
const STOP_LIMIT_MS = 20_000;

/**
 * Starts a daemon and resolves when `ask` returns an answer of it; `undefined`
 * means that it is not ready yet.
 *
 * @throws {Error} with the end of its log, when it does not become ready.
 */
export async function startDaemon(
  program: string,
  args: readonly string[],
  ask: () => Promise<string | undefined>,
): Promise<Daemon> {
  const path = await findProgram(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  const child = new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = keepTail(child.stderr);
  let alive = true;
  const gone = child.status.then(() => {
    alive = false;
  });
  const stop = async () => {
    if (alive) kill(child, "SIGTERM");
    const limit = setTimeout(() => kill(child, "SIGKILL"), STOP_LIMIT_MS);
    await gone;
    clearTimeout(limit);
  };
  for (let i = 0; alive && i < READY_TRIES; i++) {
    const answer = await ask();
    if (answer !== undefined) return { answer, stop };
    await sleep(READY_PAUSE_MS);
  }
  await stop();
  throw new Error(`${program} does not start:\n${log()}`);
}

function keepTail(stream: ReadableStream<Uint8Array>): () => string {
  let tail = "";
  const decoder = new TextDecoder();
  const drain = async () => {
    for await (const chunk of stream) {
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-3000);
    }
  };
  drain().catch((error) => {
    tail += String(error);
  });
  return () => tail;
}
