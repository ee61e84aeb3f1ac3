/**
 * Large layers arrive in small chunks from podman and docker. An HTTP server
 * that handles them badly can be a hundred times too slow and still pass every
 * other test, so this one measures.
 */

import assert from "node:assert/strict";
import { pushBlob } from "../bench/actions.ts";
import { blob, MB } from "../bench/content.ts";
import { authorization } from "../bench/target.ts";
import { Wire } from "../bench/wire.ts";
import { startProduct } from "../tools/product.ts";
import { peakRss } from "../tools/server.ts";

const SIZE = 256 * MB;
const LEAST_MB_PER_SECOND = 50;
const MOST_MEMORY = 250 * MB;
/** The machine may be busy for a while; the defect is there in every try. */
const TRIES = 3;

Deno.test("256 MB in chunks of 32 kB arrive at 50 MB/s or more and take little memory", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-throughput-" });
  const product = await startProduct({ dataDir });
  try {
    const { host, alice } = product;
    const repo = `${alice.handle}/throughput`;
    const auth = await authorization({ host, account: alice }, repo);
    const rates: number[] = [];
    while (rates.length < TRIES) {
      const layer = blob(SIZE);
      const wire = new Wire(host);
      const start = performance.now();
      await pushBlob(wire, repo, auth, layer, "streamed");
      rates.push(SIZE / 1000 / (performance.now() - start));
      wire.close();
      if (Math.max(...rates) >= LEAST_MB_PER_SECOND) break;
    }
    const said = `${rates.map((rate) => rate.toFixed(1)).join(", ")} MB/s`;
    assert.ok(Math.max(...rates) >= LEAST_MB_PER_SECOND, said);
    if (Deno.build.os !== "linux") return;
    const peak = await peakRss(product.pid);
    assert.ok(peak < MOST_MEMORY, `${peak} bytes of memory`);
  } finally {
    await product.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
});
