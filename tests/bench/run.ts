/**
 * Runs the same work against the product and against the registries that are
 * installed here, in one run, in turns, and prints rates and ratios.
 *
 *   deno task bench                          all parts
 *   deno task bench rates --rows "push 1 MB"  rows whose name has these words
 *   deno task bench clients                  docker, podman and skopeo
 *   deno task bench large                    a layer of 2 GiB
 *   deno task bench --rounds 1 --quick       a look instead of a measurement
 *   deno task bench --peers zot              only some of the peers
 *   deno task bench --against ../before      also the product of another checkout
 *   deno task bench rates --restarts 5       with new processes each time
 *
 * The tables are also left in `.tools/bench/`, with all samples and the facts
 * of the machine as JSON. Beside the rates stands the processor time that the
 * server's own process takes for one operation, user and system, from
 * `/proc/PID/stat`, with half a second of the background after it (not that of
 * the sandbox's PDS). It scatters less than rates on a machine with few cores. The product signs
 * its records at a PDS before it answers, the peers have none. Run it on a quiet
 * machine; to compare two checkouts, use `--against`, which measures them in
 * turns.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { run, say } from "../tools/command.ts";
import { TOOLS_DIR } from "../tools/paths.ts";
import { cpuMs, sleep } from "../tools/server.ts";
import { measureClients } from "./clients.ts";
import { measureLarge } from "./large.ts";
import { type Measurement, rateTable } from "./report.ts";
import { type Row, rows } from "./rows.ts";
import {
  EARLIER,
  PRODUCT,
  type Starter,
  starters,
  type Target,
} from "./target.ts";

const PARTS = ["rates", "clients", "large"];

/** Time for the work that continues after the last response of a row, in milliseconds. */
const SETTLE_MS = 500;

/** Longest wait for the background work of what a row's preparation wrote, in milliseconds. */
const IDLE_WAIT_MS = 60_000;

const { positionals, values } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    rows: { type: "string" },
    rounds: { type: "string", default: "3" },
    restarts: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
    peers: { type: "string" },
    against: { type: "string" },
  },
});
const strangers = positionals.filter((part) => !PARTS.includes(part));
if (strangers.length > 0) {
  await say(`Unknown: ${strangers.join(", ")}. Parts: ${PARTS.join(", ")}.`);
  Deno.exit(2);
}
const rounds = Number(values.rounds);
const wanted = (part: string) =>
  positionals.length === 0 || positionals.includes(part);

const chosen = (await starters(values.against)).filter(({ name }) =>
  name === PRODUCT || name === EARLIER || values.peers === undefined ||
  values.peers.split(",").includes(name)
);
const versions = chosen.map(({ name, version }) => `${name} ${version}`);
await say(`${versions.join(", ")}; load ${Deno.loadavg()[0]?.toFixed(2)}`);
const folder = join(TOOLS_DIR, "bench");
await Deno.mkdir(folder, { recursive: true });
if (wanted("rates")) await rates();
if (wanted("clients")) {
  const some = chosen.filter(({ name }) =>
    values.peers !== undefined || /^(ATCR|docker-registry)$/.test(name)
  );
  await publish("clients", await measureClients(some, rounds));
}
if (wanted("large")) {
  await publish("large", await measureLarge(chosen, values.quick ? 0.1 : 2));
}

async function rates(): Promise<void> {
  const all = rows(
    values.quick
      ? { ms: 1000, share: 0.25, tags: 1000 }
      : { ms: 4000, share: 1, tags: 10_000 },
  ).filter(({ name }) => name.includes(values.rows ?? ""));
  const measured = all.map(({ name }) => ({
    row: name,
    samples: new Map<string, Measurement[]>(),
  }));
  for (let restart = 0; restart < Number(values.restarts); restart++) {
    await measureOnce(all, measured, restart);
    await save(measured);
  }
  await publish("rates", rateTable(measured, names()));
}

/** Leaves all samples so far with the facts of the machine. */
async function save(measured: readonly MeasuredRow[]): Promise<void> {
  const machine = {
    cores: navigator.hardwareConcurrency,
    memory: Deno.systemMemoryInfo().total,
    os: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
    load: Deno.loadavg(),
  };
  const json = measured.map(({ row, samples }) => ({
    row,
    samples: Object.fromEntries(samples),
  }));
  await Deno.writeTextFile(
    join(folder, "rates.json"),
    JSON.stringify({ machine, versions, rounds, rows: json }, undefined, 2),
  );
}

interface MeasuredRow {
  readonly row: string;
  readonly samples: Map<string, Measurement[]>;
}

/**
 * Starts the registries, and adds to `measured` what all rows give there. The
 * one that starts first after one restart starts last after the next: what a
 * process gets of the memory depends on it.
 */
async function measureOnce(
  all: readonly Row[],
  measured: readonly MeasuredRow[],
  restart: number,
): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "atcr-bench-" });
  const targets: Target[] = [];
  try {
    const starting = restart % 2 === 0 ? chosen : chosen.toReversed();
    for (const starter of starting) {
      targets.push(await started(starter, work));
    }
    for (const [i, row] of all.entries()) {
      const samples = measured[i]?.samples ?? new Map();
      for (let round = 0; round < rounds; round++) {
        // The first of one round is the last of the next.
        const order = round % 2 === 0 ? targets : targets.toReversed();
        for (const target of order) {
          await row.prepare?.(target);
          await run("sync", []); // no target pays for another one's bytes
          await idle(target.pid);
          const before = await cpuMs(target.pid);
          const sample = await row.measure(target, round);
          if (sample === undefined) continue;
          // What a row leaves to the background is part of its cost.
          await sleep(SETTLE_MS);
          const cpu = await cpuMs(target.pid) - before;
          samples.set(target.name, [
            ...samples.get(target.name) ?? [],
            { ...sample, cpuMs: cpu / sample.operations },
          ]);
        }
      }
      const so = rateTable([{ row: row.name, samples }], names());
      await say(so.split("\n")[2] ?? "");
    }
  } finally {
    for (const target of targets) await target.stop();
    await Deno.remove(work, { recursive: true });
  }
}

/** Resolves once the process uses less than 4 % of a core, or after {@linkcode IDLE_WAIT_MS}. */
async function idle(pid: number): Promise<void> {
  const until = performance.now() + IDLE_WAIT_MS;
  let before = await cpuMs(pid);
  while (performance.now() < until) {
    await sleep(SETTLE_MS);
    const now = await cpuMs(pid);
    if (now - before < SETTLE_MS * 0.04) return;
    before = now;
  }
}

function started(starter: Starter, work: string): Promise<Target> {
  return starter.start(join(work, starter.name));
}

function names(): string[] {
  return chosen.map(({ name }) => name);
}

async function publish(part: string, text: string): Promise<void> {
  await say(`\n${text}\n`);
  await Deno.writeTextFile(join(folder, `${part}.md`), `${text}\n`);
}
