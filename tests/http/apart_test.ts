/** A registry and a remote hold: two programs that communicate only over XRPC. */

import assert from "node:assert/strict";
import { type Apart, startApart } from "../support/apart.ts";
import { imageManifest, randomBlob } from "../support/oci.ts";
import { command } from "../support/program.ts";
import {
  call,
  expect,
  expectError,
  header,
  Repository,
} from "../support/registry.ts";
import { until } from "../support/until.ts";

let apart: Apart;
Deno.test.beforeAll(async () => {
  apart = await startApart();
});
Deno.test.afterAll(async () => {
  await apart[Symbol.asyncDispose]();
});

const alices = (name: string) =>
  new Repository(apart.registry, apart.registry.alice, `alice.test/${name}`);

/** Records of one collection of the hold. */
async function records(collection: string) {
  const query = new URLSearchParams({
    repo: apart.did,
    collection,
    limit: "100",
  });
  const url = `${apart.hold.origin}/xrpc/com.atproto.repo.listRecords?${query}`;
  const { records } = await (await fetch(url)).json();
  return records.map(({ value }: { value: unknown }) => value);
}

Deno.test("an image is pushed to the other program and pulled back, whole and in parts", async () => {
  const repository = alices("apart");
  const config = randomBlob(200);
  const layers = [randomBlob(9_000_000), randomBlob(300_000)];
  for (const blob of [config, ...layers]) await repository.pushBlob(blob);
  const image = imageManifest(config, layers);
  expect(await repository.putManifest(image, "v1"), 201);

  const [big] = layers;
  assert.ok(big);
  const head = await repository.send("HEAD", `blobs/${big.digest}`);
  assert.equal(header(expect(head, 200), "content-length"), "9000000");
  // The hold's store cannot sign URLs, so its own address is returned.
  const sent = await repository.send("GET", `blobs/${big.digest}`);
  const location = header(expect(sent, 307), "location");
  assert.equal(new URL(location).origin, apart.hold.origin);
  // The hold is private, but the URL works for everyone who has it.
  const whole = expect(await call(location, "GET"), 200);
  assert.deepEqual(whole.bytes, big.bytes);
  const range = { headers: { range: "bytes=100-199" } };
  const part = expect(await call(location, "GET", range), 206);
  assert.deepEqual(part.bytes, big.bytes.slice(100, 200));
  // Small blobs are proxied by the registry.
  const small = await repository.send("GET", `blobs/${config.digest}`);
  assert.deepEqual(expect(small, 200).bytes, config.bytes);

  const recorded = await records("io.atcr.hold.layer");
  assert.deepEqual(
    recorded.map(({ digest }: { digest: string }) => digest).sort(),
    layers.map(({ digest }) => digest).sort(),
  );
});

Deno.test("an upload in chunks continues at its offset", async () => {
  const repository = alices("chunks");
  const blob = randomBlob(20_000_000);
  const location = await repository.startUpload();
  let at = 0;
  for (const end of [1_000, 9_000_000, 17_000_000, 20_000_000]) {
    const answer = await repository.send("PATCH", location, {
      headers: { "content-range": `${at}-${end - 1}` },
      body: blob.bytes.slice(at, end),
    });
    assert.equal(header(expect(answer, 202), "range"), `0-${end - 1}`);
    at = end;
  }
  const again = await repository.send("PATCH", location, {
    headers: { "content-range": "0-9" },
    body: blob.bytes.slice(0, 10),
  });
  expectError(again, 416, "BLOB_UPLOAD_INVALID");
  expect(await repository.finishUpload(location, blob.digest), 201);
  const found = await repository.send("HEAD", `blobs/${blob.digest}`);
  assert.equal(header(expect(found, 200), "content-length"), "20000000");
});

Deno.test("wrong bytes are refused by the hold and never served", async () => {
  const repository = alices("wrong");
  const [blob, other] = [randomBlob(50), randomBlob(50)];
  const location = await repository.startUpload();
  expect(await repository.send("PATCH", location, { body: blob.bytes }), 202);
  const answer = await repository.finishUpload(location, other.digest);
  expectError(answer, 400, "DIGEST_INVALID");
  expect(await repository.send("HEAD", `blobs/${other.digest}`), 404);
  const gone = await repository.finishUpload(location, blob.digest);
  expectError(gone, 404, "BLOB_UPLOAD_UNKNOWN");
});

Deno.test("the empty blob is a blob", async () => {
  const repository = alices("empty");
  const blob = randomBlob(0);
  await repository.pushBlob(blob);
  const answer = await repository.send("GET", `blobs/${blob.digest}`);
  assert.equal(expect(answer, 200).bytes.length, 0);
});

Deno.test("the captain decides who pushes and pulls, and the registry follows", async () => {
  const { registry, hold } = apart;
  const { bob } = registry;
  const own = () => new Repository(registry, bob, "bob.test/app");
  const refused = await own().send("POST", "blobs/uploads/");
  const { message } = expectError(refused, 403, "DENIED");
  assert.match(message, /ask its captain/);
  const add = ["hold", "crew", "add", bob.did];
  assert.equal((await command(hold.env, ...add)).code, 0);
  // The hold caches its records for some seconds.
  await until(async () =>
    (await own().send("POST", "blobs/uploads/")).status === 202
  );
  const image = await own().pushImage("v1");
  const [layer] = JSON.parse(new TextDecoder().decode(image.bytes)).layers;
  expect(await own().send("GET", `blobs/${layer.digest}`), 200);
  const anybody = new Repository(registry, undefined, "bob.test/app");
  const anonymous = await anybody.send("GET", `blobs/${layer.digest}`);
  expectError(anonymous, 401, "UNAUTHORIZED");
});

Deno.test("errors of a hold have the client's form and a request id", async () => {
  const { origin } = apart.hold;
  const api = await call(new URL("/v2/", origin), "GET");
  expectError(api, 404, "NAME_UNKNOWN");
  const page = await call(new URL("/nothing", origin), "GET");
  assert.equal(page.status, 404);
  assert.match(header(page, "content-type"), /^text\/html/);
  assert.match(header(page, "content-security-policy"), /default-src 'none'/);
  const ids = [header(api, "x-request-id"), header(page, "x-request-id")];
  for (const id of ids) {
    await until(() => apart.hold.log().includes(id), apart.hold.log);
  }
});

Deno.test("pushes and pulls are counted by the hold", async () => {
  const repository = alices("counted");
  const image = await repository.pushImage("v1");
  const counts = async () => {
    const all = await records("io.atcr.hold.stats");
    return all.find(({ repository }: { repository: string }) =>
      repository === "counted"
    );
  };
  // The hold is notified in the background.
  await until(async () => (await counts())?.pushCount === 1, counts);
  for (let i = 0; i < 3; i++) {
    const accept = { headers: { accept: image.mediaType } };
    expect(await repository.send("GET", "manifests/v1", accept), 200);
  }
  await until(async () => (await counts())?.pullCount === 3, counts);
  const { pushCount, pullCount } = await counts();
  assert.deepEqual([pushCount, pullCount], [1, 3]);
});

Deno.test("without the hold, cached manifests are served and other requests fail with a sentence", async () => {
  const { hold } = apart;
  const repository = alices("down");
  const image = await repository.pushImage("v1");
  await hold.stop();
  const accept = { headers: { accept: image.mediaType } };
  const manifest = await repository.send("GET", "manifests/v1", accept);
  assert.deepEqual(expect(manifest, 200).bytes, image.bytes);
  const upload = await repository.send("POST", "blobs/uploads/");
  const { message } = expectError(upload, 502, "UNAVAILABLE");
  assert.match(message, new RegExp(`localhost:${hold.port}`));
});
