/**
 * Throughput of the stores that several processes share: PostgreSQL beside
 * denokv, in one run, each with two processes.
 *
 *   deno task bench:kv [SECONDS]
 *
 * @module
 */

import { openKv } from "../../lib/kv/open_kv.ts";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { hasRemoteKv, startRemoteKv } from "../support/remote_kv.ts";
import { say } from "../tools/command.ts";

/** Calls at once in each process. */
const WORKERS = 16;
const PROCESSES = 2;
const ROW = "x".repeat(300);

/** What one process has done in a second, and its memory. */
interface Rates {
  readonly commits: number;
  readonly gets: number;
  readonly rssMb: number;
}

if (import.meta.main) {
  const [first = "8", url] = Deno.args;
  if (url === undefined) await compare(Number(first));
  else await load(url, Number(first));
}

async function compare(seconds: number): Promise<void> {
  const postgres = hasPostgres ? await startPostgres() : undefined;
  if (postgres) await report("PostgreSQL", await postgres.database(), seconds);
  await postgres?.[Symbol.asyncDispose]();
  const remote = hasRemoteKv ? await startRemoteKv() : undefined;
  if (remote) await report("denokv", remote.url, seconds, remote.token);
  await remote?.[Symbol.asyncDispose]();
}

async function report(
  name: string,
  url: string,
  seconds: number,
  token = "",
): Promise<void> {
  const path = new URL(import.meta.url).pathname;
  const runs = Array.from({ length: PROCESSES }, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", path, String(seconds), url],
      env: { DENO_KV_ACCESS_TOKEN: token },
      stderr: "inherit",
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout)) as Rates;
  });
  const rates = await Promise.all(runs);
  const sum = (of: (one: Rates) => number) =>
    Math.round(rates.reduce((total, one) => total + of(one), 0));
  await say(
    `${name}, ${PROCESSES} processes with ${WORKERS} calls each: ` +
      `${sum((one) => one.commits)} commits/s, ${
        sum((one) => one.gets)
      } gets/s, ` +
      `${Math.round(Math.max(...rates.map((one) => one.rssMb)))} MB each`,
  );
}

/** Commits with a check and three rows, then reads. */
async function load(url: string, seconds: number): Promise<void> {
  const kv = await openKv(url);
  const rate = async (
    call: (worker: number, i: number) => Promise<unknown>,
  ) => {
    const end = performance.now() + seconds * 1000;
    let count = 0;
    const work = async (worker: number) => {
      for (let i = 0; performance.now() < end; i++) {
        await call(worker, i);
        count++;
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(i)));
    return count / seconds;
  };
  const own = crypto.randomUUID();
  const commits = await rate((worker, i) =>
    kv.atomic().check([own, worker, i], null)
      .set([own, worker, i], { row: ROW, i }).set([own, worker, i, 1], ROW)
      .set([own, worker, i, 2], { row: ROW }).commit()
  );
  const gets = await rate((worker, i) => kv.get([own, worker, i % 100]));
  const rssMb = Deno.memoryUsage().rss / 1e6;
  const result: Rates = { commits, gets, rssMb };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result)));
  kv.close();
}
