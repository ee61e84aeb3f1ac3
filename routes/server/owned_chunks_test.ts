import assert from "node:assert/strict";
import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { listen } from "./serve.ts";

const MB = 1024 * 1024;

/** A server of objects of 3 MB and a bit; the n-th consists of the byte n. */
async function serveObjects(count: number) {
  const folder = await Deno.makeTempDir();
  const store = new FilesystemBlobStore({ folder });
  const size = 3 * MB + 1;
  for (let n = 0; n < count; n++) {
    await store.put(`objects/${n}`, new Uint8Array(size).fill(n));
  }
  const server = await listen({
    hostname: "127.0.0.1",
    port: 0,
    log: silentLogger,
    async fetch(request) {
      const key = `objects${new URL(request.url).pathname}`;
      const object = await store.get(key, undefined, request.signal);
      return new Response(object?.body ?? null, {
        headers: { "content-length": String(size) },
      });
    },
  });
  return {
    size,
    url: `http://127.0.0.1:${server.port}/`,
    async [Symbol.asyncDispose]() {
      await server.stop(5_000);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("each of many readers at different speeds, some of whom leave, receives its own bytes", async () => {
  await using objects = await serveObjects(4);
  const { url, size } = objects;
  await Promise.all(Array.from({ length: 24 }, async (_, i) => {
    const wanted = i % 4;
    const response = await fetch(`${url}${wanted}`);
    assert.ok(response.body);
    let length = 0;
    for await (const chunk of response.body) {
      assert.ok(chunk.every((byte) => byte === wanted));
      length += chunk.length;
      if (i % 5 === 4) return; // Leaves in the middle.
      if (i % 3 === 0) await new Promise((done) => setTimeout(done, 1));
    }
    assert.equal(length, size);
  }));
});
