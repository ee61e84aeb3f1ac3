/** Two instances behind one address, with one store: clients may reach either at any time. */

import assert from "node:assert/strict";
import { networkEnv } from "../support/hold.ts";
import { artifact, imageManifest, randomBlob } from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { type Program, startProgram } from "../support/program.ts";
import { expect, expectError, Repository } from "../support/registry.ts";
import { freePort } from "../tools/ports.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { filesOf } from "../support/state.ts";

const MB = 1024 * 1024;

let first: TestServer;
let program: Program;
let second: TestServer;
Deno.test.beforeAll(async () => {
  first = await startServer();
  const plc = `http://localhost:${first.ports[2]}`;
  program = await startProgram({
    port: freePort(),
    dataDir: first.dataDir,
    env: {
      ...networkEnv({ pds: first.pds, plc }),
      ATCR_SERVER_BASE_URL: first.origin,
      HOLD_OWNER: first.alice.did,
      HOLD_PUBLIC: "true",
      HOLD_ALLOW_ALL_CREW: "true",
    },
  });
  const host = `127.0.0.1:${program.port}`;
  second = { ...first, host, origin: `http://${host}`, port: program.port };
});
Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  for (const log of [first.log(), program.log()]) {
    assert.doesNotMatch(log, /"level":"error"/);
  }
});

/** The same repository through each instance. */
function both(name: string): [Repository, Repository] {
  const path = `alice.test/${name}`;
  return [
    new Repository(first, first.alice, path),
    new Repository(second, first.alice, path),
  ];
}

Deno.test("an upload continues on either instance", async () => {
  const [one, two] = both("upload");
  const blob = randomBlob(3 * MB);
  const location = await one.startUpload();
  const parts = [[one, 0], [two, 1], [one, 2]] as const;
  for (const [repository, part] of parts) {
    const start = part * MB;
    const status = await repository.send("GET", location);
    const range = expect(status, 204).headers.get("range");
    assert.equal(range, `0-${Math.max(0, start - 1)}`);
    const patch = await repository.send("PATCH", location, {
      headers: { "content-range": `${start}-${start + MB - 1}` },
      body: blob.bytes.slice(start, start + MB),
    });
    expect(patch, 202);
  }
  expect(await two.finishUpload(location, blob.digest), 201);
  for (const repository of [one, two]) {
    const get = await repository.send("GET", `blobs/${blob.digest}`);
    assert.deepEqual(expect(get, 200).bytes, blob.bytes);
    const again = await repository.send("GET", location);
    expectError(again, 404, "BLOB_UPLOAD_UNKNOWN");
  }
});

Deno.test("a token and a session of one are valid on the other", async () => {
  const [one, two] = both("session");
  const token = await one.token();
  const image = await one.pushImage("x");
  const put = await two.send("PUT", "manifests/y", {
    token,
    headers: { "content-type": image.mediaType },
    body: image.bytes,
  });
  expect(put, 201);
  assert.deepEqual(await one.tags(), ["x", "y"]);
});

Deno.test("changes by one are visible to the other on the next request", async () => {
  const [one, two] = both("visible");
  await two.pushEmptyJson();
  for (let round = 0; round < 4; round++) {
    const [here, there] = round % 2 ? [two, one] : [one, two];
    const image = await here.pushImage("moving");
    for (const reference of ["moving", image.digest]) {
      const get = await there.send("GET", `manifests/${reference}`);
      assert.deepEqual(expect(get, 200).bytes, image.bytes);
    }
    const signature = artifact("application/vnd.example.s", image.descriptor);
    expect(await here.putManifest(signature), 201);
    const [referrer] = await there.referrers(image.digest);
    assert.equal(referrer?.digest, signature.digest);
    const path = `manifests/${signature.digest}`;
    expect(await there.send("DELETE", path), 202);
    assert.deepEqual(await here.referrers(image.digest), []);
    expectError(await here.send("GET", path), 404, "MANIFEST_UNKNOWN");
  }
  expect(await one.send("DELETE", "manifests/moving"), 202);
  expectError(
    await two.send("GET", "manifests/moving"),
    404,
    "MANIFEST_UNKNOWN",
  );
  assert.deepEqual(await two.tags(), []);
});

Deno.test("concurrent moves of one tag end in one state, on both and in the records", async () => {
  const [one, two] = both("race");
  const images = [await one.pushImage(), await two.pushImage()] as const;
  const pds = new PdsAccount(first.pds, first.alice);
  for (let round = 0; round < 6; round++) {
    const puts = await Promise.all([
      one.putManifest(images[0], "x"),
      two.putManifest(images[1], "x"),
    ]);
    for (const put of puts) expect(put, 201);
    const heads = await Promise.all(
      [one, two].map((repository) => repository.send("HEAD", "manifests/x")),
    );
    const [here, there] = heads.map(({ headers }) =>
      headers.get("docker-content-digest")
    );
    assert.equal(here, there);
    const record = await pds.record("io.atcr.tag", "race_x");
    assert.ok(
      here && String(record?.value["manifest"]).endsWith(here.slice(7)),
    );
  }
});

Deno.test("a layer sent to both concurrently is stored once", async () => {
  const [one, two] = both("twice");
  const blob = randomBlob(4 * MB);
  await Promise.all([one, two, one, two].map((at) => at.pushBlob(blob)));
  const hex = blob.digest.slice("sha256:".length);
  const files = [...(await filesOf(first.dataDir)).keys()];
  assert.equal(files.filter((path) => path.includes(hex)).length, 1);
  assert.deepEqual(files.filter((path) => path.includes("upload")), []);
  for (const repository of [one, two]) {
    const get = await repository.send("GET", `blobs/${blob.digest}`);
    assert.deepEqual(expect(get, 200).bytes, blob.bytes);
  }
});

Deno.test("a delete by one instance during a push by the other leaves no image that lacks its layer", async () => {
  const [one, two] = both("delete-during-push");
  await two.token();
  for (let delayMs = 0; delayMs < 50; delayMs += 5) {
    const [config, layer] = [randomBlob(50), randomBlob(100)];
    for (const blob of [config, layer]) await one.pushBlob(blob);
    const image = imageManifest(config, [layer]);
    const pushing = one.putManifest(image, `t${delayMs}`);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const path = `blobs/${layer.digest}`;
    const { status } = await two.send("DELETE", path);
    assert.ok([202, 405].includes(status), String(status));
    expect(await pushing, 201);
    // A push after the delete takes the blob from the public hold again.
    expect(await two.send("GET", path), 200);
  }
});
