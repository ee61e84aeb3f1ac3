/**
 * What the API takes over HTTP where the store is full: milliseconds of each
 * question, processor time and memory of the server, and how long it starts.
 *
 * @module
 */

import process from "node:process";
import type { Did } from "../../lib/did.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { networkEnv } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import { say } from "../tools/command.ts";
import { freePort } from "../tools/ports.ts";
import { cpuMs } from "../tools/server.ts";
import {
  commonly,
  ownerOf,
  randomly,
  repositoryOf,
  wordOf,
} from "./made_up.ts";

/** Starts of the program with each of the stores. */
const STARTS = 3;

export interface OverHttpOptions {
  /** Folder with the store; its made-up images are in the hold at `port`. */
  readonly folder: string;
  readonly port: number;
  readonly repositories: number;
  /** Times that each question is asked. */
  readonly rounds: number;
}

/** The hold of a program at `port`. */
export function holdAt(port: number): Did {
  return `did:web:localhost%3A${port}`;
}

/** A port for the program. */
export const choosePort = freePort;

/** Measures and prints. */
export async function measureOverHttp(options: OverHttpOptions): Promise<void> {
  await using sandbox = await startTestSandbox();
  const env = {
    ...networkEnv(sandbox),
    HOLD_OWNER: sandbox.alice.did,
    HOLD_PUBLIC: "true",
    ATCR_INDEX_FOLLOW: "false",
  };
  const { folder, port } = options;
  const empty = await Deno.makeTempDir({ prefix: "atcr-empty-" });
  const starts: Record<string, number[]> = { full: [], empty: [] };
  for (let i = 0; i < STARTS; i++) {
    for (const [name, dataDir] of [["empty", empty], ["full", folder]]) {
      const begun = performance.now();
      await using _ = await startProgram({ port, dataDir: dataDir ?? "", env });
      starts[name ?? ""]?.push(performance.now() - begun);
    }
  }
  for (const [name, times] of Object.entries(starts)) {
    say(`start with the ${name} store: ${percentiles(times)} ms`);
  }
  await using program = await startProgram({ port, dataDir: folder, env });
  say(`memory after the start: ${await memoryOf(program)}`);
  await ask(program, options);
  say(`memory after all questions: ${await memoryOf(program)}`);
  await Deno.remove(empty, { recursive: true });
}

async function ask(
  program: Program,
  { repositories, rounds }: OverHttpOptions,
): Promise<void> {
  const random = randomly(11);
  const word = () => wordOf(commonly(random, 20_000));
  const owner = () => ownerOf(Math.floor(random() * repositories / 5));
  const search = (q: string) => `search?q=${encodeURIComponent(q)}`;
  const path = () => {
    const { did, repo } = repositoryOf(Math.floor(random() * repositories));
    return `${did}/${encodeURIComponent(repo)}`;
  };
  let cursor: string | undefined;
  const questions: Record<string, () => string> = {
    "repositories": () => "repositories",
    "repositories, page by page": () =>
      `repositories${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`,
    "repositories of an owner": () => `repositories?owner=${owner()}`,
    "repositories of a kind": () => "repositories?kind=helm",
    "one repository": () => `repositories/${path()}`,
    "tags": () => `tags?repository=${path()}`,
    "search without words": () => "search",
    "search nginx": () => search("nginx"),
    "search a word": () => search(word()),
    "search a prefix": () => search(word().slice(0, 3)),
    "search two words": () => search(`${word()} ${word()}`),
    "search part of a name": () => search(word().slice(1, 6)),
    "search a typing error": () => search(`${word()}qqz`),
    "activity": () => "activity",
    "boards": () => "boards/pulls",
    "holds": () => "holds",
  };
  say("question: median, 95th, 99th of a hundred in ms; processor ms; status");
  for (const [name, question] of Object.entries(questions)) {
    const times: number[] = [];
    const statuses = new Set<number>();
    // The names are read with the first question.
    await get(program, question());
    const before = await cpuMs(program.pid);
    for (let i = 0; i < rounds; i++) {
      const begun = performance.now();
      const { status, body } = await get(program, question());
      times.push(performance.now() - begun);
      statuses.add(status);
      cursor = body.cursor ?? undefined;
    }
    const cpu = (await cpuMs(program.pid) - before) / rounds;
    say(
      `${name}: ${percentiles(times)}; ${cpu.toFixed(1)}; ${
        [...statuses].join(" ")
      }`,
    );
  }
}

async function get(
  { origin }: Program,
  path: string,
): Promise<{ status: number; body: { cursor?: string } }> {
  const response = await fetch(`${origin}/api/v1/${path}`);
  return { status: response.status, body: await response.json() };
}

/** Median, 95th and 99th of a hundred. */
export function percentiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return [0.5, 0.95, 0.99].map((share) =>
    (sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(1)
  ).join(" ");
}

async function memoryOf({ pid }: Program): Promise<string> {
  if (process.platform !== "linux") return "unknown";
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const of = (name: string) =>
    `${Math.round(Number(status.match(`${name}:\\s+(\\d+)`)?.[1]) / 1024)} MB`;
  return `${of("VmRSS")}, at most ${of("VmHWM")}`;
}
