/**
 * Real clients push and pull an image of 210 MB, in turns against the product
 * and its peers.
 *
 * @module
 */

import { join } from "node:path";
import {
  containersStorage,
  type Engine,
  forgetBlobs,
  removeEngineFolder,
  startEngine,
} from "../clients/engine.ts";
import { testImages } from "../clients/images.ts";
import { run, type RunOptions, say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { cpuMs, peakRss, resetPeakRss } from "../tools/server.ts";
import { median, short } from "./report.ts";
import { PRODUCT, type Starter, type Target } from "./target.ts";

const LOCAL = "localhost/test/bench:1";

/** What one operation cost. */
interface Cost {
  readonly wallMs: number;
  readonly serverCpuMs: number;
  readonly serverPeakMb: number;
}

/** The clients' surroundings. */
interface Desk {
  readonly work: string;
  readonly engine: Engine;
  /** Folder of the image's OCI layout. */
  readonly layout: string;
  /** The same of a small image. */
  readonly small: string;
  readonly env: Record<string, string>;
}

type Client = "docker" | "podman" | "skopeo";
const CLIENTS: readonly Client[] = ["docker", "podman", "skopeo"];

/**
 * Measures pushes and pulls; every push finds a store without the image and a
 * host that the client has never seen, so that all bytes travel. Each registry
 * is started again and has served a login and one small push before.
 *
 * @returns a Markdown table.
 */
export async function measureClients(
  starters: readonly Starter[],
  rounds: number,
): Promise<string> {
  const work = await Deno.makeTempDir({ prefix: "atcr-bench-clients-" });
  const engine = await startEngine(join(work, "docker"));
  const costs = new Map<string, Cost[]>();
  try {
    const { big, tiny } = await testImages();
    const auth = join(work, "auth.json");
    await Deno.writeTextFile(auth, "{}");
    const desk: Desk = {
      work,
      engine,
      layout: big.folder,
      small: tiny.folder,
      env: {
        ...await containersStorage(join(work, "containers")),
        DOCKER_HOST: engine.address,
        DOCKER_CONFIG: work,
        REGISTRY_AUTH_FILE: auth,
      },
    };
    await Deno.writeTextFile(join(work, "config.json"), "{}");
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? starters : starters.toReversed();
      for (const client of CLIENTS) {
        for (const starter of order) {
          const folder = join(work, `${starter.name}-${client}-${round}`);
          const target = await starter.start(folder);
          try {
            await pushAndPull(desk, client, target, costs);
          } finally {
            await target.stop();
            await Deno.remove(folder, { recursive: true });
          }
        }
      }
      await say(`round ${round + 1} of ${rounds}`);
    }
  } finally {
    await engine.stop();
    await removeEngineFolder(work);
  }
  return table(costs, starters.map(({ name }) => name));
}

async function pushAndPull(
  desk: Desk,
  client: Client,
  target: Target,
  costs: Map<string, Cost[]>,
): Promise<void> {
  await forgetBlobs();
  const ref = `${target.host}/${target.repo("big")}:1`;
  const { login, load, push, pull } = commands(desk, client, ref);
  const { account } = target;
  if (account !== undefined) {
    const args = ["-u", account.handle, "--password-stdin", target.host];
    const input = account.appPassword;
    await tool(desk, client, [...login, ...args], { input });
  }
  for (const command of load) await tool(desk, ...command);
  // A registry that people push to has served others before.
  const first = `docker://${target.host}/${target.repo("first")}:1`;
  const insecure = "--dest-tls-verify=false";
  await tool(desk, "skopeo", ["copy", insecure, `oci:${desk.small}:1`, first]);
  for (const [what, steps] of [["push", push], ["pull", pull]] as const) {
    const [timed, ...after] = steps;
    if (timed === undefined) continue;
    await run("sync", []);
    const cost = await measure(target, () => tool(desk, ...timed));
    const key = `${client} ${what}|${target.name}`;
    costs.set(key, [...costs.get(key) ?? [], cost]);
    for (const command of after) await tool(desk, ...command);
  }
}

type Command = [program: string, args: string[]];

/** The first command of push and pull is measured, the others clean up. */
function commands(desk: Desk, client: Client, ref: string): {
  login: string[];
  load: Command[];
  push: Command[];
  pull: Command[];
} {
  const source = `oci:${desk.layout}:1`;
  const plain = "--tls-verify=false";
  const daemon = ["--dest-daemon-host", desk.engine.address];
  switch (client) {
    case "docker":
      return {
        login: ["login"],
        load: [["skopeo", ["copy", source, `docker-daemon:${ref}`, ...daemon]]],
        push: [
          ["docker", ["push", "-q", ref]],
          ["docker", ["rmi", "-f", ref]],
        ],
        pull: [
          ["docker", ["pull", "-q", ref]],
          ["docker", ["rmi", "-f", ref]],
        ],
      };
    case "podman":
      return {
        login: ["login", plain],
        load: [["skopeo", ["copy", source, `containers-storage:${LOCAL}`]]],
        push: [
          ["podman", ["push", "-q", plain, LOCAL, ref]],
          ["podman", ["rmi", "-f", LOCAL]],
        ],
        pull: [
          ["podman", ["pull", "-q", plain, ref]],
          ["podman", ["rmi", "-f", ref]],
        ],
      };
    case "skopeo": {
      const pulled = join(desk.work, "pulled");
      return {
        login: ["login", plain],
        load: [],
        push: [[
          "skopeo",
          ["copy", "--dest-tls-verify=false", source, `docker://${ref}`],
        ]],
        pull: [
          [
            "skopeo",
            [
              "copy",
              "--src-tls-verify=false",
              `docker://${ref}`,
              `dir:${pulled}`,
            ],
          ],
          ["rm", ["-r", pulled]],
        ],
      };
    }
  }
}

async function tool(
  desk: Desk,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<void> {
  const path = await findProgram(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  await run(path, args, { ...options, env: desk.env });
}

async function measure(
  { pid }: Target,
  work: () => Promise<void>,
): Promise<Cost> {
  await resetPeakRss(pid);
  const cpu = await cpuMs(pid);
  const start = performance.now();
  await work();
  return {
    wallMs: performance.now() - start,
    serverCpuMs: await cpuMs(pid) - cpu,
    serverPeakMb: await peakRss(pid) / 1e6,
  };
}

function table(
  costs: ReadonlyMap<string, readonly Cost[]>,
  names: readonly string[],
): string {
  const peers = names.filter((name) => name !== PRODUCT);
  const lines = [
    `| client | ${
      names.map((name) => `${name}: wall ms min-med-max / CPU ms / RSS MB`)
        .join(" | ")
    } | ${peers.map((name) => `wall x ${name}`).join(" | ")} |`,
    `|---|${"---:|".repeat(names.length + peers.length)}`,
  ];
  const operations = new Set([...costs.keys()].map((key) => key.split("|")[0]));
  for (const operation of operations) {
    const of = (name: string) => costs.get(`${operation}|${name}`) ?? [];
    const wall = (name: string) => of(name).map(({ wallMs }) => wallMs);
    const cells = names.map((name) =>
      [
        [Math.min(...wall(name)), median(wall(name)), Math.max(...wall(name))]
          .map(short).join("-"),
        short(median(of(name).map(({ serverCpuMs }) => serverCpuMs))),
        short(median(of(name).map(({ serverPeakMb }) => serverPeakMb))),
      ].join(" / ")
    );
    const ratios = peers.map((name) =>
      (median(wall(PRODUCT)) / median(wall(name))).toFixed(2)
    );
    lines.push(`| ${[operation, ...cells, ...ratios].join(" | ")} |`);
  }
  return lines.join("\n");
}
