/**
 * What a large transfer costs the server in processor time, against a program
 * that does nothing but hash and write, or read and send, in the same run.
 * Rates depend on the machine; this ratio hardly does, and it grows when a
 * buffer is allocated for every piece or bytes are copied once more.
 */

import assert from "node:assert/strict";
import { expectStatus, pushBlob } from "../bench/actions.ts";
import { blob, MB } from "../bench/content.ts";
import { authorization } from "../bench/target.ts";
import { Wire } from "../bench/wire.ts";
import { freePorts } from "../tools/ports.ts";
import { startProduct } from "../tools/product.ts";
import { cpuMs, type Server, sleep, startServer } from "../tools/server.ts";

const SIZE = 100 * MB;
/** How many times the processor time of the plain program the server may take. */
const MOST_TIMES_PLAIN = 2;
/** Turns of both programs; the least counts, because other work only adds to it. */
const TURNS = 3;
/** Downloads in one measurement: one takes only a few ticks of the processor clock. */
const DOWNLOADS = 4;
/** Time for the work that continues after a response, in milliseconds. */
const SETTLE_MS = 200;

Deno.test({
  name:
    "100 MB up and down take at most twice the processor time of a plain program",
  // Processor times of other processes are read from /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dataDir = await Deno.makeTempDir({ prefix: "atcr-cost-" });
    await using programs = new AsyncDisposableStack();
    programs.defer(() => Deno.remove(dataDir, { recursive: true }));
    const product = await startProduct({ dataDir });
    programs.defer(() => product.stop());
    const { host, alice } = product;
    const [port = 0] = freePorts(1);
    const plainHost = `127.0.0.1:${port}`;
    const plain = await startPlain(plainHost, dataDir);
    programs.defer(() => plain.stop());
    const ours = programs.adopt(new Wire(host), (wire) => wire.close());
    const theirs = programs.adopt(new Wire(plainHost), (wire) => wire.close());

    const repo = `${alice.handle}/cost`;
    const auth = await authorization({ host, account: alice }, repo);
    const up = { ours: Infinity, plain: Infinity };
    const down = { ours: Infinity, plain: Infinity };
    for (let turn = 0; turn < TURNS; turn++) {
      const layer = blob(SIZE);
      const path = `/v2/${repo}/blobs/${layer.digest}`;
      up.ours = await least(up.ours, product, async () => {
        await pushBlob(ours, repo, auth, layer, "monolithic");
      });
      up.plain = await least(up.plain, plain, async () => {
        await theirs.call({ method: "PUT", path: "/", body: layer.pieces });
      });
      down.ours = await least(down.ours, product, () => get(ours, path, auth));
      down.plain = await least(down.plain, plain, () => get(theirs, "/", ""));
    }
    const said = JSON.stringify({ up, down });
    assert.ok(up.ours <= MOST_TIMES_PLAIN * up.plain, said);
    assert.ok(down.ours <= MOST_TIMES_PLAIN * down.plain, said);
  },
});

/** The smaller of `before` and the processor time that `work` takes `server`, in milliseconds. */
async function least(
  before: number,
  { pid }: Server,
  work: () => Promise<void>,
): Promise<number> {
  const start = await cpuMs(pid);
  await work();
  await sleep(SETTLE_MS);
  return Math.min(before, await cpuMs(pid) - start);
}

async function get(wire: Wire, path: string, headers: string): Promise<void> {
  for (let count = 0; count < DOWNLOADS; count++) {
    const answer = await wire.call({ method: "GET", path, headers });
    expectStatus(answer, 200, `GET of ${path}`);
    assert.equal(answer.bytes, SIZE);
  }
}

function startPlain(host: string, folder: string): Promise<Server> {
  const program = new URL("../support/plain_server.ts", import.meta.url);
  return startServer({
    name: "The plain program",
    program: Deno.execPath(),
    args: ["run", "-A", program.pathname, host, `${folder}/plain`],
    logFile: `${folder}/plain.out`,
    readyUrl: `http://${host}/ready`,
  });
}
