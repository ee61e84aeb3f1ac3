/** The S3 driver behind a fault-injecting proxy, on the server that `deno task test:s3` names. */

import assert from "node:assert/strict";
import { S3BlobStore } from "../../lib/storage/s3/s3.ts";
import type { S3Options } from "../../lib/storage/s3/s3_client.ts";
import { type Fault, FAULTS, startFaultProxy } from "../s3/fault_proxy.ts";
import { ignore, s3Options, withBucket } from "../s3/server.ts";
import { collect, noise } from "../support/bytes.ts";
import { rejects } from "../support/rejects.ts";

const MiB = 1024 * 1024;

const test = (
  sentence: string,
  run: (
    store: S3BlobStore,
    proxy: Awaited<ReturnType<typeof startFaultProxy>>,
  ) => Promise<void>,
  changes: Partial<S3Options> = {},
) =>
  Deno.test({
    name: `s3 with faults: ${sentence}`,
    ignore,
    fn: () =>
      withBucket(async () => {
        const proxy = await startFaultProxy(s3Options.endpoint);
        const store = new S3BlobStore({
          ...s3Options,
          endpoint: proxy.url,
          idleTimeoutMs: 500,
          ...changes,
        });
        try {
          await run(store, proxy);
        } finally {
          await store.close();
          await proxy.close();
        }
      }),
  });

/** Picks a fault for about one request in ten, the same ones at every run. */
function oneInTen(seed: number): () => Fault | undefined {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () =>
    next() < 0.1 ? FAULTS[Math.floor(next() * FAULTS.length)] : undefined;
}

test(
  "one fault in ten requests corrupts no byte and leaks no upload",
  async (store, proxy) => {
    proxy.choose = oneInTen(42);
    for (let round = 0; round < 25; round++) {
      const key = `up/${round}/data`;
      const upload = await store.createMultipart(key);
      const pieces = round % 5 === 0
        ? [noise(5 * MiB), noise(5 * MiB), noise(round)]
        : [noise(10_000 + round)];
      const parts = [];
      for (const [index, piece] of pieces.entries()) {
        parts.push(await store.putPart(upload, index + 1, piece));
      }
      assert.deepEqual(await store.listParts(upload), parts);
      const info = await store.completeMultipart(upload, parts);
      const target = `blobs/${round}/data`;
      await store.move(key, target);
      const content = new Uint8Array(await new Blob(pieces).arrayBuffer());
      assert.equal(info.size, content.length);
      const got = await store.get(target);
      const bytes = await collect(got?.body);
      assert.equal(bytes.length, content.length);
      assert.ok(bytes.every((byte, i) => byte === content[i]));
      assert.equal(await store.head(key), undefined);
    }
    assert.ok(Object.keys(proxy.counts).length > 4, "too few faults");
    proxy.choose = () => undefined;
    // An upload whose creation response was lost is left to the sweep.
    for await (const { upload } of store.listMultiparts("up/")) {
      await store.abortMultipart(upload);
    }
    assert.deepEqual(await Array.fromAsync(store.listMultiparts("")), []);
  },
);

test(
  "a body that breaks repeatedly is complete at the end",
  async (store, proxy) => {
    const bytes = noise(3 * MiB);
    await store.put("a", bytes);
    let cuts = 0;
    proxy.choose = () => cuts++ < 6 ? "cut answer" : undefined;
    const got = await store.get("a", { start: 100, end: 2 * MiB });
    assert.deepEqual(
      await collect(got?.body),
      bytes.slice(100, 2 * MiB + 1),
    );
    assert.ok(cuts > 6);
  },
);

test("a body whose object changes under it fails", async (store, proxy) => {
  await store.put("a", noise(MiB));
  proxy.choose = () => "cut answer";
  const got = await store.get("a");
  proxy.choose = () => undefined;
  await store.put("a", noise(MiB));
  await assert.rejects(collect(got?.body), { operator: /412/ });
});

test(
  "a server that stays silent or busy fails with a sentence",
  async (store, proxy) => {
    const upload = await store.createMultipart("m");
    proxy.choose = () => "stall";
    await assert.rejects(store.check(), {
      operator: /cannot be reached \(/,
    });
    await rejects(store.putPart(upload, 1, noise(10)), "UNAVAILABLE");
    proxy.choose = () => "slow down";
    await assert.rejects(store.head("a"), { operator: /answered 503/ });
    proxy.choose = () => undefined;
    await store.check();
  },
  { attempts: 2 },
);

test("an abort ends a request that hangs", async (store, proxy) => {
  const upload = await store.createMultipart("m");
  proxy.choose = () => "stall";
  const signal = AbortSignal.timeout(50);
  const part = store.putPart(upload, 1, noise(10), { signal });
  await assert.rejects(part, { name: "TimeoutError" });
  const late = AbortSignal.timeout(50);
  await assert.rejects(store.get("a", undefined, late), {
    name: "TimeoutError",
  });
}, { idleTimeoutMs: 60_000 });

test("a clock skew of an hour is corrected, also in presigned URLs", async (store) => {
  const { now } = Date;
  try {
    Date.now = () => now() - 60 * 60 * 1000;
    await store.put("a", noise(10));
    const { url } = await store.presignGet("a", { expiresInSeconds: 60 });
    const response = await fetch(url);
    assert.equal((await response.arrayBuffer()).byteLength, 10);
  } finally {
    Date.now = now;
  }
});
