/**
 * The state of a server that a refused request must not change: the rows of
 * registry, hold and repo, and the stored files.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestServer } from "./server.ts";
import { retryPolicyFor } from "../../lib/kv/retry.ts";

const whileUnlocked = retryPolicyFor(true);

/** Name of each row and file, with what tells a change. */
export type State = ReadonlyMap<string, string>;

/** First parts of the keys whose rows count. */
const SERVICES = ["registry", "hold", "repo"];

/** Rows of the registry that only cache external data. */
const MEMORY = new Set(["synced", "profile", "public_hold"]);

/** Jobs that follow the network at their own pace; they change only the index. */
const BACKGROUND_JOBS = "index.";

/** Jobs that wait; a row of them begins so in a {@linkcode State}. */
const JOBS = ["kv", "job"];
const JOB = '["kv","job"';

const SETTLE_LIMIT_MS = 20_000;

/** Reads the files and, from a second process, the rows. */
export async function stateOf({ dataDir }: TestServer): Promise<State> {
  const state = new Map<string, string>();
  // Raw, because what has expired meanwhile has not been changed.
  const kv = await whileUnlocked(() => Deno.openKv(`${dataDir}/kv.sqlite3`));
  try {
    for (const prefix of [...SERVICES.map((name) => [name]), JOBS]) {
      for await (const { key, value, versionstamp } of kv.list({ prefix })) {
        const [service] = key;
        if (service === "registry" && MEMORY.has(String(key[1]))) continue;
        if (isEndedUpload(key, value)) continue;
        const isJob = service === "kv";
        if (isJob && String(key[2]).startsWith(BACKGROUND_JOBS)) continue;
        const name = JSON.stringify(key, plain);
        state.set(name, isTag(key) ? contentOf(value) : versionstamp);
      }
    }
  } finally {
    kv.close();
  }
  for (const [path, size] of await filesOf(dataDir)) state.set(path, `${size}`);
  return state;
}

/**
 * The state as soon as it no longer changes: a push is delivered to the hold
 * after its response, and is a job until then. Fails after 20 seconds.
 */
export async function settledState(server: TestServer): Promise<State> {
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  for (let before = await stateOf(server);;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await stateOf(server);
    const jobs = [...now.keys()].filter((name) => name.startsWith(JOB));
    if (jobs.length === 0 && changes(before, now).length === 0) return now;
    assert(Date.now() < deadline, `still at work: ${jobs}`);
    before = now;
  }
}

/** Fails with the names of what has changed since `before`. */
export async function assertUnchanged(
  server: TestServer,
  before: State,
): Promise<void> {
  assert.deepEqual(changes(before, await stateOf(server)), []);
}

/** Whether a row only says that the id of an upload is no longer valid. */
function isEndedUpload(key: Deno.KvKey, value: unknown): boolean {
  return key[0] === "registry" && key[1] === "upload" &&
    Deno.inspect(value, { depth: 3 }).includes("ended: true");
}

/** Names of what differs between two states. */
export function changes(before: State, after: State): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name));
}

/** Paths and sizes of the stored files, those of uploads in progress included. */
export async function filesOf(dataDir: string): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else {
        // A file may disappear between the two reads.
        const stat = await Deno.stat(path).catch(() => undefined);
        if (stat) files.set(path.slice(dataDir.length), stat.size);
      }
    }
  };
  await walk(`${dataDir}/blobs`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return files;
}

function isTag([service, kind]: Deno.KvKey): boolean {
  return service === "registry" && kind === "tag";
}

/** The row of a tag without the time of its last comparison with the owner's repo. */
function contentOf(row: unknown): string {
  return JSON.stringify({ ...row as object, checkedAt: undefined }, plain);
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
