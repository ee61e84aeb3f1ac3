/**
 * Large layers arrive in small chunks from podman and docker. An HTTP server
 * that handles them badly can be a hundred times too slow and still pass every
 * other test, so this one measures.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pushBlob } from "../bench/actions.ts";
import { type Blob, blob, cut, MB } from "../bench/content.ts";
import { authorization } from "../bench/target.ts";
import { Wire } from "../bench/wire.ts";
import { startProduct } from "../tools/product.ts";
import { peakRss } from "../tools/server.ts";

const SIZE = 256 * MB;
const PIECE_BYTES = 32_768;
/** Buffering a whole layer needs more. */
const MOST_MEMORY = 0.75 * SIZE;
/**
 * How much longer than a bare socket, a hash and a file the server may take.
 * Machines and their disks differ, and so does what else they do meanwhile.
 */
const MOST_TIMES_BARE = 10;
/** The machine may be busy for a while; the defect shows in every attempt. */
const TRIES = 3;

const linux = Deno.build.os === "linux";

Deno.test("256 MB in chunks of 32 kB arrive nearly as fast as the machine takes bytes, and take little memory", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-throughput-" });
  const product = await startProduct({ dataDir });
  try {
    const { host, alice } = product;
    const repo = `${alice.handle}/throughput`;
    const auth = await authorization({ host, account: alice }, repo);
    const atRest = linux ? await peakRss(product.pid) : 0;
    const times: number[] = [];
    while (times.length < TRIES) {
      const layer = blob(SIZE);
      const bare = await bareSeconds(layer, `${dataDir}/bare`);
      const wire = new Wire(host);
      const start = performance.now();
      await pushBlob(wire, repo, auth, layer, "streamed");
      times.push((performance.now() - start) / 1000 / bare);
      wire.close();
      if (Math.min(...times) <= MOST_TIMES_BARE) break;
    }
    const said = times.map((time) => time.toFixed(1)).join(", ");
    assert.ok(Math.min(...times) <= MOST_TIMES_BARE, `${said} times as long`);
    if (!linux) return;
    const taken = await peakRss(product.pid) - atRest;
    assert.ok(taken < MOST_MEMORY, `${taken} bytes of memory`);
  } finally {
    await product.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
});

/** Seconds for a bare server to hash and store the same chunks. */
async function bareSeconds(layer: Blob, path: string): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const keep = async () => {
    using connection = await listener.accept();
    using file = await Deno.create(path);
    const hash = createHash("sha256");
    const buffer = new Uint8Array(65_536);
    for (let end = ""; end !== "\r\n0\r\n\r\n";) {
      const count = await connection.read(buffer) ?? 0;
      const bytes = buffer.subarray(0, count);
      hash.update(bytes);
      for (let at = 0; at < count;) at += await file.write(bytes.subarray(at));
      end = (end + String.fromCharCode(...bytes.slice(-7))).slice(-7);
    }
    await file.sync();
    hash.digest();
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    await connection.write(new TextEncoder().encode(answer));
  };
  const wire = new Wire(`127.0.0.1:${listener.addr.port}`);
  const start = performance.now();
  await Promise.all([
    keep(),
    wire.call({
      method: "PATCH",
      path: "/",
      body: cut(layer.pieces, PIECE_BYTES),
      chunked: true,
    }),
  ]);
  const seconds = (performance.now() - start) / 1000;
  wire.close();
  await Deno.remove(path);
  return seconds;
}
