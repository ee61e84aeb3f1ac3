/**
 * What pages cost where the store is full:
 *
 *   deno task bench:pages                         100,000 repositories with 2 tags each
 *   deno task bench:pages --repositories 10000 --tags 10
 *
 * Prints for each page the median, the 95th and the 99th of a hundred in
 * milliseconds, one request at a time; then, with four at a time, processor
 * time for a page, pages a second, and pages a second of two processors by that
 * time. The style sheet and a script stand beside them as static files. At the
 * end the memory of the server.
 *
 * @module
 */

import { Agent, get } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CardFacets } from "../../lib/index/cards/card_edit.ts";
import { OwnerNames } from "../../lib/index/search/owner_names.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { pushContent } from "../browser/content.ts";
import { pageAt } from "../support/pages.ts";
import { startServer } from "../support/server.ts";
import { say } from "../tools/command.ts";
import { freePort } from "../tools/ports.ts";
import { cpuMs } from "../tools/server.ts";
import { commonly, fill, randomly, wordOf } from "./made_up.ts";
import { holdAt, percentiles } from "./over_http.ts";

/** Requests before anything is measured, one at a time, and together. */
const WARM = 100;
const SINGLE = 300;
const TOGETHER = 1_000;

const AT_ONCE = 4;

const { values } = parseArgs({
  options: {
    repositories: { type: "string", default: "100000" },
    tags: { type: "string", default: "2" },
  },
});

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const folder = await Deno.makeTempDir({ prefix: "atcr-pages-" });
try {
  await measure();
} finally {
  agent.destroy();
  await Deno.remove(folder, { recursive: true });
}

async function measure(): Promise<void> {
  const port = freePort();
  await fillStore(port);
  await using server = await startServer({
    dataDir: folder,
    ports: [port, freePort(), freePort()],
    env: {
      ATCR_SERVER_BASE_URL: `http://localhost:${port}`,
      HOLD_PUBLIC: "true",
    },
  });
  await pushContent(server);
  const { pid, origin } = server;
  for (const [name, path] of await pagesOf(server)) {
    const ask = () => load(new URL(path(), origin));
    for (let i = 0; i < WARM; i++) await ask();
    const times: number[] = [];
    for (let i = 0; i < SINGLE; i++) {
      const begun = performance.now();
      await ask();
      times.push(performance.now() - begun);
    }
    const [before, begun] = [await cpuMs(pid), performance.now()];
    let left = TOGETHER;
    const some = async () => {
      while (left-- > 0) await ask();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
    const cpu = (await cpuMs(pid) - before) / TOGETHER;
    const rate = TOGETHER * 1_000 / (performance.now() - begun);
    say(
      `${name}: ${await ask()} bytes; ${percentiles(times)} ms; ${
        cpu.toFixed(2)
      } ms of a processor, ${rate.toFixed(0)} a second, ${
        (2_000 / cpu).toFixed(0)
      } of two processors`,
    );
  }
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  say(status.match(/Vm(RSS|HWM):.*/g)?.join("; ") ?? "memory unknown");
}

async function fillStore(port: number): Promise<void> {
  const kv = await openKv(join(folder, "kv.sqlite3"));
  const amount = {
    repositories: Number(values.repositories),
    tags: Number(values.tags),
    hold: holdAt(port),
  };
  const parts = { owners: new OwnerNames(kv), facets: new CardFacets(kv) };
  await fill(kv, amount, parts, (done) => {
    if (done % 20_000 === 0) say(`${done} repositories`);
  });
  kv.close();
}

/** Pages and static files by name; searches differ from each other. */
async function pagesOf(
  server: { origin: string },
): Promise<Map<string, () => string>> {
  const html = await pageAt(server, "/r/alice.test/shop");
  const [, sheet = ""] = /<link rel="stylesheet" href="([^"]+)"/.exec(html) ??
    [];
  const [, script = ""] = /src="(\/static\/[^"]+\.js)"/.exec(html) ?? [];
  const random = randomly(5);
  return new Map([
    ["style sheet", () => sheet],
    ["script", () => script],
    ["home", () => "/"],
    ["search", () => `/search?q=${wordOf(commonly(random, 20_000))}`],
    ["repository", () => "/r/alice.test/shop"],
    ["tags", () => "/r/alice.test/shop/-/tags"],
    ["image", () => "/r/alice.test/shop:latest"],
  ]);
}

/** Loads as browsers do; returns the bytes of the body on the wire. */
function load(url: URL): Promise<number> {
  const headers = { "accept-encoding": "gzip, br" };
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (chunk: Uint8Array) => bytes += chunk.byteLength);
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(bytes);
        else reject(new Error(`${url} has status ${answer.statusCode}.`));
      });
    }).on("error", reject);
  });
}
