/** Quotas apply to every account and every kind of push, with a clear message. */

import assert from "node:assert/strict";
import { z } from "zod";
import { type Blob, imageManifest, randomBlob } from "../support/oci.ts";
import {
  expect,
  expectError,
  jsonOf,
  Repository,
} from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { xrpc } from "../support/xrpc.ts";

const QUOTA = 1_000_000;
const reportSchema = z.object({
  uniqueBlobs: z.int(),
  totalSize: z.int(),
  limit: z.int(),
  tier: z.string(),
});

let server: TestServer;
Deno.test.beforeAll(async () => {
  server = await startServer({
    env: {
      ATCR_HOLD_QUOTA_TIERS: "{small: {quota: 1MB}}",
      ATCR_HOLD_QUOTA_DEFAULT_TIER: "small",
    },
  });
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Alice is the captain, who has no limit. */
const bobs = (name = "app") =>
  new Repository(server, server.bob, `bob.test/${name}`);

async function report() {
  const { body } = await xrpc(server.origin, "io.atcr.hold.getQuota", {
    params: { userDid: server.bob.did },
  });
  return reportSchema.parse(body);
}

/** Pushes a blob in one of the ways of clients; returns the last response. */
async function push(repository: Repository, blob: Blob, way: number) {
  if (way === 0) {
    const query = `?digest=${blob.digest}`;
    return await repository.send("POST", `blobs/uploads/${query}`, {
      body: blob.bytes,
    });
  }
  const started = await repository.send("POST", "blobs/uploads/");
  if (started.status !== 202) return started;
  const location = started.headers.get("location") ?? "";
  if (way === 1) {
    return await repository.finishUpload(location, blob.digest, {
      body: blob.bytes,
    });
  }
  const sent = await repository.send("PATCH", location, {
    body: new Response(blob.bytes).body ?? blob.bytes,
  });
  if (sent.status !== 202) return sent;
  return await repository.finishUpload(location, blob.digest);
}

Deno.test("a quota cannot be exceeded by blobs, in parallel or with a manifest, and deleting frees it", async () => {
  const app = bobs();
  assert.deepEqual(await report(), {
    uniqueBlobs: 0,
    totalSize: 0,
    limit: QUOTA,
    tier: "small",
  });
  // Each fits alone, and three of them together.
  const blobs = Array.from({ length: 9 }, () => randomBlob(330_000));
  const answers = await Promise.all(
    blobs.map((blob, i) => push(app, blob, i % 3)),
  );
  const stored = blobs.filter((_, i) => answers[i]?.status === 201);
  for (const answer of answers) {
    if (answer.status === 201) continue;
    const { message, detail } = expectError(answer, 403, "DENIED");
    assert.match(message, /of 1000000 bytes .* delete images or ask/);
    const { limit } = z.object({ limit: z.int(), used: z.int() }).parse(detail);
    assert.equal(limit, QUOTA);
  }
  assert.ok(stored.length >= 1 && stored.length <= 3);
  while (stored.length < 3) {
    const blob = randomBlob(330_000);
    expect(await push(app, blob, 1), 201);
    stored.push(blob);
  }
  assert.equal((await report()).totalSize, 990_000);
  for (const way of [0, 1, 2]) {
    expectError(await push(app, randomBlob(10_001), way), 403, "DENIED");
  }
  assert.equal((await report()).totalSize, 990_000);

  const [config, ...layers] = stored;
  assert.ok(config);
  const image = imageManifest(config, layers);
  expect(await app.putManifest(image, "v1"), 201);
  expect(await bobs("copy").putManifest(image, "v1"), 201);
  assert.deepEqual(
    await report(),
    { uniqueBlobs: 3, totalSize: 990_000, limit: QUOTA, tier: "small" },
  );

  // What alice stored costs bob nothing to mount, but counts when he uses it.
  const alices = new Repository(server, server.alice, "alice.test/app");
  const big = randomBlob(400_000);
  await alices.pushBlob(big);
  const mount = `?mount=${big.digest}&from=alice.test/app`;
  const mounted = await app.send("POST", `blobs/uploads/${mount}`);
  // The full quota lets no upload begin, and a mount brings no bytes.
  expect(mounted, 201);
  const larger = imageManifest(config, [...layers, big]);
  const refused = await app.putManifest(larger, "v2");
  const { message } = expectError(refused, 403, "DENIED");
  assert.match(message, /990000 of 1000000 bytes .* 400000 more/);
  expect(await app.send("GET", "manifests/v2"), 404);
  const tags = jsonOf(expect(await app.send("GET", "tags/list"), 200));
  assert.deepEqual(z.object({ tags: z.array(z.string()) }).parse(tags).tags, [
    "v1",
  ]);

  for (const repository of [app, bobs("copy")]) {
    const path = `manifests/${image.digest}`;
    expect(await repository.send("DELETE", path), 202);
  }
  await until(async () => (await report()).totalSize === 0);
  // What is deleted is stored until it is collected; so much of it is not free.
  const again = randomBlob(900_000);
  expect(await push(app, again, 2), 201);
  expect(await app.send("DELETE", `blobs/${again.digest}`), 202);
  assert.equal((await report()).totalSize, 890_000);
  for (const way of [0, 1, 2]) {
    expectError(await push(app, randomBlob(110_001), way), 403, "DENIED");
  }
});
