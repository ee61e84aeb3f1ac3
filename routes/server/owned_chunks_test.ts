import assert from "node:assert/strict";
import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { isOwned } from "../../lib/storage/owned_bytes.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { until } from "../../tests/support/until.ts";
import { listen } from "./serve.ts";

const MB = 1024 * 1024;

/** A server of objects of 3 MB and a bit; the n-th consists of the byte n. */
async function serveObjects(count: number, sent: Uint8Array[] = []) {
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
      const body = object?.body.pipeThrough(
        new TransformStream({
          transform(chunk: Uint8Array, controller) {
            sent.push(chunk);
            controller.enqueue(chunk);
          },
        }),
      );
      return new Response(body ?? null, {
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

Deno.test("the memory of a sent file is free once it is sent, without a collection", async () => {
  const sent: Uint8Array[] = [];
  await using objects = await serveObjects(1, sent);
  const response = await fetch(`${objects.url}0`);
  assert.equal((await response.arrayBuffer()).byteLength, objects.size);
  assert.ok(sent.length > 1);
  await until(() => sent.every(({ length }) => length === 0));
});

Deno.test("the memory of a stored upload is free once it is stored, without a collection", async () => {
  const folder = await Deno.makeTempDir();
  const store = new FilesystemBlobStore({ folder });
  const received: Uint8Array[] = [];
  const server = await listen({
    hostname: "127.0.0.1",
    port: 0,
    log: silentLogger,
    async fetch({ body }) {
      assert.ok(body);
      const upload = await store.createMultipart("a/b");
      const chunks = body.pipeThrough(
        new TransformStream({
          transform(chunk: Uint8Array, controller) {
            assert.ok(isOwned(chunk));
            received.push(chunk);
            controller.enqueue(chunk);
          },
        }),
      );
      const { size } = await store.putPart(upload, 1, chunks, { offset: 0 });
      return new Response(String(size));
    },
  });
  try {
    const size = 3 * MB + 1;
    const response = await fetch(`http://127.0.0.1:${server.port}/`, {
      method: "PUT",
      body: new Uint8Array(size),
    });
    assert.equal(await response.text(), String(size));
    assert.ok(received.length > 1);
    assert.deepEqual(received.filter(({ length }) => length > 0), []);
  } finally {
    await server.stop(5_000);
    await Deno.remove(folder, { recursive: true });
  }
});
