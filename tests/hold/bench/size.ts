/**
 * A hold with 100,000 records: does a commit still take as long as at first,
 * does an export stay small in memory, how long is the start.
 *
 * @module
 */

import { loadConfig } from "../../../lib/config/config.ts";
import { createContext } from "../../../lib/context.ts";
import type { Repo } from "../../../lib/repo/repo.ts";
import { median, short } from "../../bench/report.ts";
import { createForger } from "../../support/forger.ts";
import { holdDid, holdEnv } from "../../support/hold.ts";
import { startProgram } from "../../support/program.ts";
import { startTestSandbox } from "../../support/sandbox.ts";
import { freePort } from "../../tools/ports.ts";
import { say } from "../../tools/command.ts";
import { peakRss, resetPeakRss } from "../../tools/server.ts";
import { silentLogger } from "../../../lib/testing_log.ts";

const RECORDS = 100_000;
const BATCH = 200;
const COLLECTION = "com.example.layer";

/** Single commits of one measurement. */
const SINGLES = 300;

let written = 0;

function create() {
  const n = written++;
  return {
    action: "create" as const,
    collection: COLLECTION,
    value: {
      $type: COLLECTION,
      digest: `sha256:${n.toString(16).padStart(64, "0")}`,
      size: 1_000_000 + n,
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      userDid: "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
      createdAt: "2026-01-01T00:00:00.000Z",
    },
  };
}

/** Milliseconds of a single commit, in the middle and for 99 of 100. */
async function single(repo: Repo): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const start = performance.now();
    await repo.apply([create()]);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {
    p50: median(times),
    p99: times[Math.floor(times.length * 0.99)] ?? NaN,
  };
}

async function fill(repo: Repo, until: number): Promise<number> {
  const start = performance.now();
  const first = written;
  while (written < until) {
    await repo.apply(Array.from({ length: BATCH }, create));
  }
  return (written - first) / (performance.now() - start) * 1000;
}

/** Fills a hold in this process, then starts the program on it. */
export async function measureSize(quick: boolean): Promise<object> {
  const total = quick ? RECORDS / 10 : RECORDS;
  await using sandbox = await startTestSandbox();
  const captain = await createForger(sandbox);
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-size-" });
  const port = freePort();
  const origin = `http://localhost:${port}`;
  const env = {
    ...holdEnv(sandbox, captain),
    ATCR_DATA_DIR: dataDir,
    ATCR_SERVER_BASE_URL: origin,
  };
  try {
    const emptyStart = await startTime(port, dataDir, env);
    const config = loadConfig({ args: [], env, readTextFile: () => "" });
    const ctx = await createContext(config, silentLogger, {});
    const repo = ctx.hold?.repo;
    if (!repo) throw new Error("no hold");
    await fill(repo, 1_000 - SINGLES);
    const early = await single(repo);
    const filling = await fill(repo, total - SINGLES);
    const late = await single(repo);
    ctx.close();
    const { size } = await Deno.stat(`${dataDir}/kv.sqlite3`);
    const { exported, ...rest } = await exportFrom(port, dataDir, env);
    const figures = {
      records: total,
      commitMsAt1000: early,
      commitMsAtEnd: late,
      ratio: late.p50 / early.p50,
      batchedRecordsPerSecond: filling,
      databaseBytes: size,
      emptyStartMs: emptyStart,
      ...rest,
      exportBytes: exported,
    };
    const mb = (bytes: number) => `${short(bytes / 1e6)} MB`;
    await say(
      `${total} records: a commit takes ${short(late.p50)} ms ` +
        `(p99 ${short(late.p99)}), at 1,000 records ${short(early.p50)} ms ` +
        `(p99 ${short(early.p99)}): ratio ${short(figures.ratio)}`,
    );
    await say(
      `filled in commits of ${BATCH} at ${short(filling)} records/s; ` +
        `database ${mb(size)}`,
    );
    await say(
      `CAR of ${mb(exported)} in ${short(rest.exportSeconds)} s; memory ` +
        `${mb(rest.rssBefore)} before, ${mb(rest.rssPeak)} at most`,
    );
    await say(
      `start to ready: ${short(rest.startMs)} ms, empty ${
        short(emptyStart)
      } ms`,
    );
    return figures;
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

type Env = Record<string, string>;

/** Milliseconds until the program is ready. */
async function startTime(
  port: number,
  dataDir: string,
  env: Env,
): Promise<number> {
  const start = performance.now();
  await using _ = await startProgram({ port, dataDir, env });
  return performance.now() - start;
}

/** Starts the program and reads the repo whole, twice: the first time warms up. */
async function exportFrom(port: number, dataDir: string, env: Env) {
  const start = performance.now();
  await using program = await startProgram({ port, dataDir, env });
  const startMs = performance.now() - start;
  const did = encodeURIComponent(holdDid(program.origin));
  const url = `${program.origin}/xrpc/com.atproto.sync.getRepo?did=${did}`;
  const read = async () => {
    let bytes = 0;
    const response = await fetch(url);
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    return bytes;
  };
  await read();
  await resetPeakRss(program.pid);
  const rssBefore = await peakRss(program.pid);
  const begin = performance.now();
  const exported = await read();
  const exportSeconds = (performance.now() - begin) / 1000;
  const rssPeak = await peakRss(program.pid);
  return { startMs, rssBefore, rssPeak, exportSeconds, exported };
}
