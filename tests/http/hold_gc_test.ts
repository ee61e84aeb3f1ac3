/**
 * Garbage collection over time: referenced blobs stay, others are purged, late
 * references restore them.
 */

import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { GC_TASK, scheduledTasks } from "../../cli/housekeeping.ts";
import {
  type InProcess,
  openProgram,
  startInProcess,
} from "../hold/in_process.ts";
import {
  type Blob,
  descriptor,
  imageIndex,
  imageManifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import { expect, expectError, Repository } from "../support/registry.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";

const DAY_MS = 24 * 3_600_000;

/** One nightly run. */
async function collect(server: InProcess) {
  const report = await server.ctx.hold?.gc.run();
  assert.ok(report);
  const { quarantine, release, restore, purge } = report;
  return { quarantine, release, restore, purge };
}

const NOTHING = { quarantine: 0, release: 0, restore: 0, purge: 0 };

/** Digests of all stored blobs. */
async function stored(store: MemoryBlobStore): Promise<string[]> {
  const keys = await Array.fromAsync(store.list(""), ({ key }) => key);
  return keys.flatMap((key) => {
    const [, algorithm, hex] = /\/blobs\/(\w+)\/..\/(\w+)\/data$/.exec(key) ??
      [];
    return hex === undefined ? [] : [`${algorithm}:${hex}`];
  }).sort();
}

Deno.test("referenced blobs stay, unreferenced ones are purged after quarantine", async () => {
  const store = new MemoryBlobStore(systemClock);
  await using server = await startInProcess(store);
  // A token lives for minutes only, and here the days pass.
  const repository = () =>
    new Repository(server, server.alice, "alice.test/app");
  const pushImage = async (tag: string, layers: readonly Blob[]) => {
    const at = repository();
    const config = randomBlob(100);
    for (const blob of [config, ...layers]) await at.pushBlob(blob);
    const image = imageManifest(config, layers);
    expect(await at.putManifest(image, tag), 201);
    return { image, config };
  };
  const status = async (blob: Blob) =>
    (await repository().send("HEAD", `blobs/${blob.digest}`)).status;

  const [shared, first, second, orphan] = [
    randomBlob(1_000),
    randomBlob(1_000),
    randomBlob(1_000),
    randomBlob(1_000),
  ];
  const one = await pushImage("v1", [shared, first]);
  const two = await pushImage("v2", [shared, second]);
  await repository().pushBlob(orphan);
  const all = [one.config, two.config, shared, first, second, orphan];

  // Today's blobs may belong to a push in progress.
  assert.deepEqual(await collect(server), NOTHING);
  server.advance(2 * DAY_MS);
  assert.deepEqual(await collect(server), { ...NOTHING, quarantine: 1 });
  assert.equal(await status(orphan), 404);
  assert.equal((await stored(store)).length, all.length);
  for (const blob of all.slice(0, -1)) assert.equal(await status(blob), 200);

  const gone = await repository().send(
    "DELETE",
    `manifests/${two.image.digest}`,
  );
  expect(gone, 202);
  server.advance(2 * DAY_MS);
  // The layer and the configuration that only this image had.
  assert.deepEqual(await collect(server), { ...NOTHING, quarantine: 2 });
  assert.equal(await status(shared), 200);
  assert.equal(await status(second), 404);

  // Pushed again, a quarantined blob is restored.
  await pushImage("v3", [second]);
  assert.equal(await status(second), 200);

  server.advance(8 * DAY_MS);
  assert.deepEqual(await collect(server), { ...NOTHING, purge: 2 });
  const left = await stored(store);
  assert.ok(!left.includes(orphan.digest));
  assert.ok(!left.includes(two.config.digest));
  for (const blob of [one.config, shared, first, second]) {
    assert.ok(left.includes(blob.digest));
    assert.equal(await status(blob), 200);
  }
});

Deno.test("a manifest whose blobs were purged is refused until they are pushed again", async () => {
  const store = new MemoryBlobStore(systemClock);
  await using server = await startInProcess(store);
  const repository = () =>
    new Repository(server, server.alice, "alice.test/again");
  const [config, layer] = [randomBlob(100), randomBlob(1_000)];
  const pushBlobs = async () => {
    for (const blob of [config, layer]) await repository().pushBlob(blob);
  };
  const image = imageManifest(config, [layer]);
  await pushBlobs();
  expect(await repository().putManifest(image, "v1"), 201);
  const gone = await repository().send("DELETE", `manifests/${image.digest}`);
  expect(gone, 202);
  server.advance(2 * DAY_MS);
  assert.deepEqual(await collect(server), { ...NOTHING, quarantine: 2 });
  const refused = async () =>
    expectError(
      await repository().putManifest(image, "v1"),
      404,
      "MANIFEST_BLOB_UNKNOWN",
    );
  await refused();
  const cache = imageIndex([descriptor(layer, TYPES.layer)]);
  const put = await repository().putManifest(cache, "cache");
  expectError(put, 404, "MANIFEST_BLOB_UNKNOWN");
  server.advance(8 * DAY_MS);
  assert.deepEqual(await collect(server), { ...NOTHING, purge: 2 });
  const { detail } = await refused();
  assert.deepEqual(detail, [{ digest: config.digest }, {
    digest: layer.digest,
  }]);
  await pushBlobs();
  expect(await repository().putManifest(image, "v1"), 201);
  expect(await repository().putManifest(cache, "cache"), 201);
  const get = await repository().send("GET", `blobs/${layer.digest}`);
  assert.deepEqual(expect(get, 200).bytes, layer.bytes);
});

Deno.test("a push whose process was killed before the hold was notified keeps its layers", async () => {
  await using sandbox = await startTestSandbox();
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-" });
  const port = freePort();
  const path = new URL("../hold/dying_server.ts", import.meta.url).pathname;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, `${port}`, dataDir, sandbox.pds, sandbox.plc],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  assert.ok((await output.read()).value, "the server did not start");
  const at = (origin: string) =>
    new Repository({ origin }, sandbox.alice, "alice.test/app");
  const dying = at(`http://127.0.0.1:${port}`);
  const [config, layer] = [randomBlob(100), randomBlob(1_000)];
  for (const blob of [config, layer]) await dying.pushBlob(blob);
  await dying.putManifest(imageManifest(config, [layer]), "v1").catch(() => {});
  assert.equal((await child.status).signal, "SIGKILL");

  let passed = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + passed,
  };
  const { ctx, listening } = await openProgram({
    port,
    dataDir,
    sandbox,
    env: { ATCR_HOLD_GC_ENABLED: "true" },
    overrides: { clock },
  });
  try {
    passed = 3 * DAY_MS;
    const gc = scheduledTasks(ctx).find(({ name }) => name === GC_TASK);
    for (let night = 0; night < 3; night++) {
      await gc?.run(new AbortController().signal);
      passed += 10 * DAY_MS;
    }
    const living = at(`http://127.0.0.1:${port}`);
    for (const { digest } of [config, layer]) {
      expect(await living.send("HEAD", `blobs/${digest}`), 200);
    }
    const records = await Array.fromAsync(
      ctx.hold?.repo.allRecords("io.atcr.hold.layer") ?? [],
    );
    assert.equal(records.length, 1);
  } finally {
    await listening.stop(0);
    ctx.close();
    await Deno.remove(dataDir, { recursive: true });
  }
});
