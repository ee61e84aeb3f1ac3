/** `kill -9` in the middle of pushes: nothing acknowledged is lost, nothing partial is visible. */

import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { BlobRows } from "../../lib/hold/blobs/blob_rows.ts";
import { unlimitedRooms } from "../../lib/hold/testing.ts";
import { HoldUploads } from "../../lib/hold/uploads/uploads.ts";
import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { StorageKeys } from "../../lib/storage/object_keys.ts";
import {
  type Blob,
  digestOf,
  imageManifest,
  type Manifest,
  randomBlob,
} from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { expect, Repository } from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { filesOf } from "../support/state.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const KILLS = 10;
const MB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;
const BLOB_FILE =
  /^\/blobs\/docker\/registry\/v2\/blobs\/sha256\/[0-9a-f]{2}\/([0-9a-f]{64})\/data$/;

/** An image with a tag of its own. */
interface Image {
  readonly tag: string;
  readonly blobs: readonly Blob[];
  readonly manifest: Manifest;
}

function newImage(tag: string): Image {
  const config = randomBlob(500);
  const layers = [4 * MB, 2 * MB, 1_000, 3 * MB].map((n) => randomBlob(n));
  return {
    tag,
    blobs: [config, ...layers],
    manifest: imageManifest(config, layers),
  };
}

const alices = (server: TestServer) =>
  new Repository(server, server.alice, "alice.test/app");

/** Pushes as docker does: layers side by side in streams, the manifest at the end. */
async function push(server: TestServer, image: Image): Promise<void> {
  const repository = alices(server);
  await repository.token();
  await Promise.all(image.blobs.map((blob) => repository.pushBlob(blob)));
  expect(await repository.putManifest(image.manifest, image.tag), 201);
}

async function assertWhole(server: TestServer, image: Image): Promise<void> {
  const repository = alices(server);
  for (const reference of [image.tag, image.manifest.digest]) {
    const get = await repository.send("GET", `manifests/${reference}`);
    assert.deepEqual(expect(get, 200).bytes, image.manifest.bytes);
  }
  for (const { digest } of image.blobs) {
    const get = expect(await repository.send("GET", `blobs/${digest}`), 200);
    assert.equal(digestOf(get.bytes), digest);
  }
}

/** What the killed push left is complete or absent, and tag and records agree. */
async function assertNothingHalf(
  server: TestServer,
  image: Image,
): Promise<void> {
  const repository = alices(server);
  for (const { digest } of image.blobs) {
    const get = await repository.send("GET", `blobs/${digest}`);
    if (get.status === 404) continue;
    assert.equal(digestOf(expect(get, 200).bytes), digest);
  }
  const pds = new PdsAccount(server.pds, server.alice);
  const recorded = await pds.record("io.atcr.tag", `app_${image.tag}`);
  const get = await repository.send("GET", `manifests/${image.tag}`);
  assert.equal(get.status, recorded ? 200 : 404);
  if (recorded) await assertWhole(server, image);
}

/** Runs the sweep as if two days had passed. */
async function sweepLater(dataDir: string): Promise<void> {
  const clock = { ...systemClock, now: () => Date.now() + 2 * DAY_MS };
  const kv = await openKv(`${dataDir}/kv.sqlite3`, clock);
  const store = new FilesystemBlobStore({ folder: `${dataDir}/blobs`, clock });
  const uploads = new HoldUploads({
    kv,
    store,
    keys: new StorageKeys(),
    rows: new BlobRows({ kv, clock }),
    clock,
    log: silentLogger,
    quota: unlimitedRooms(kv, clock),
    baseUrl: "http://127.0.0.1",
    presign: false,
  });
  await uploads.sweep();
  kv.close();
}

Deno.test("a server that is killed ten times in the middle of pushes loses nothing", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-crash-" });
  let server = await startServer({ dataDir });
  const { ports } = server;
  const whole = [newImage("kept"), newImage("measured")];
  let pushMs = 0;
  for (const image of whole) {
    const started = performance.now();
    await push(server, image);
    pushMs = performance.now() - started;
  }
  const resumed = randomBlob(3 * MB);
  const location = await alices(server).startUpload();
  const first = { body: resumed.bytes.slice(0, MB) };
  expect(await alices(server).send("PATCH", location, first), 202);

  for (let kill = 0; kill < KILLS; kill++) {
    const image = newImage(`round-${kill}`);
    const outcome = push(server, image).then(() => "pushed", () => "broken");
    const delay = pushMs * (kill + Math.random()) / KILLS;
    await new Promise((resolve) => setTimeout(resolve, delay));
    await server.stop("SIGKILL");
    const acknowledged = await outcome === "pushed";
    server = await startServer({ dataDir, ports });
    if (acknowledged) await assertWhole(server, image);
    else await assertNothingHalf(server, image);
    await push(server, image);
    whole.push(image);
    await assertWhole(server, image);
  }

  for (const image of whole) await assertWhole(server, image);
  const rest = await alices(server).send("PATCH", location, {
    headers: { "content-range": `${MB}-${3 * MB - 1}` },
    body: resumed.bytes.slice(MB),
  });
  expect(rest, 202);
  expect(await alices(server).finishUpload(location, resumed.digest), 201);

  const tags = whole.map(({ tag }) => tag).sort();
  assert.deepEqual(await alices(server).tags(), tags);
  await server.stop();
  await sweepLater(dataDir);
  for (const [path] of await filesOf(dataDir)) {
    const [, hex] = BLOB_FILE.exec(path) ?? [];
    assert.ok(hex, `${path} was left behind`);
    const bytes = await Deno.readFile(`${dataDir}${path}`);
    assert.equal(digestOf(bytes), `sha256:${hex}`);
  }
  await Deno.remove(dataDir, { recursive: true });
});
