/** Non-default settings of the registry. */

import assert from "node:assert/strict";
import { z } from "zod";
import { imageManifest, randomBlob } from "../support/oci.ts";
import {
  call,
  expect,
  expectError,
  jsonOf,
  repositoriesOf,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const LIMIT = 20_000;

const server = sharedServer({
  env: {
    ATCR_REGISTRY_CATALOG: "false",
    ATCR_REGISTRY_ALLOW_ACCOUNT_PASSWORDS: "true",
    ATCR_REGISTRY_MAX_MANIFEST_BYTES: String(LIMIT),
    ATCR_REGISTRY_ALLOW_MISSING_BLOBS: "true",
    ATCR_REGISTRY_TOKEN_TTL_SECONDS: "60",
    ATCR_SERVER_REGISTRY_DOMAINS: "registry.example.com",
    ATCR_HOLD_MAX_BLOB_BYTES: "1000000",
  },
});
const alices = repositoriesOf(server, "alice");

Deno.test("a registry can disable its catalog", async () => {
  await alices("hidden").pushImage("x");
  const { origin } = server();
  const catalog = await alices("hidden").send("GET", `${origin}/v2/_catalog`);
  expectError(catalog, 405, "UNSUPPORTED");
});

Deno.test("a registry can accept account passwords", async () => {
  const { handle } = server().bob;
  const password = "bob-password";
  const login = await call(`${server().origin}/auth/token`, "GET", {
    headers: { authorization: `Basic ${btoa(`${handle}:${password}`)}` },
  });
  expect(login, 200);
});

Deno.test("the operator can set the limit of manifests", async () => {
  const sized = (length: number) =>
    imageManifest(randomBlob(9), [], {
      annotations: { fill: "x".repeat(length) },
    });
  expect(await alices("limit").putManifest(sized(LIMIT / 2)), 201);
  const refused = await alices("limit").putManifest(sized(LIMIT));
  assert.match(expectError(refused, 413, "SIZE_INVALID").message, /20000/);
});

Deno.test("sparse images are accepted if allowed", async () => {
  const sparse = imageManifest(randomBlob(9), [randomBlob(9)]);
  expect(await alices("sparse").putManifest(sparse, "x"), 201);
  const get = await alices("sparse").send("GET", "manifests/x");
  assert.deepEqual(expect(get, 200).bytes, sparse.bytes);
});

Deno.test("a blob above the hold's limit is refused during the upload, in every form", async () => {
  const blob = randomBlob(1_200_000);
  const repository = alices("large");
  const streamed = await repository.startUpload();
  const patch = await repository.send("PATCH", streamed, {
    body: new Blob([blob.bytes]).stream(),
  });
  assert.match(expectError(patch, 413, "SIZE_INVALID").message, /1000000/);
  const chunked = await repository.startUpload();
  const first = { body: blob.bytes.slice(0, 800_000) };
  expect(await repository.send("PATCH", chunked, first), 202);
  const rest = { body: blob.bytes.slice(800_000) };
  expectError(
    await repository.finishUpload(chunked, blob.digest, rest),
    413,
    "SIZE_INVALID",
  );
  const path = `blobs/uploads/?digest=${blob.digest}`;
  const single = await repository.send("POST", path, { body: blob.bytes });
  expectError(single, 413, "SIZE_INVALID");
  const get = await repository.send("GET", `blobs/${blob.digest}`);
  expectError(get, 404, "BLOB_UNKNOWN");
});

Deno.test("the operator can set the lifetime of tokens", async () => {
  const answer = expect(
    await call(`${server().origin}/auth/token`, "GET"),
    200,
  );
  const { expires_in } = z.object({ expires_in: z.number() }).parse(
    jsonOf(answer),
  );
  assert.equal(expires_in, 60);
});

Deno.test("the challenge contains an address that the client can reach, and none that it made up", async () => {
  const realmFor = async (host: string) => {
    // `fetch` writes the host itself.
    using conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: server().port,
    });
    const request = `GET /v2/ HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(4_096);
    const count = await conn.read(buffer) ?? 0;
    const head = new TextDecoder().decode(buffer.subarray(0, count));
    return /realm="([^"]+)"/.exec(head)?.[1];
  };
  const { port, origin } = server();
  assert.equal(
    await realmFor(`localhost:${port}`),
    `http://localhost:${port}/auth/token`,
  );
  assert.equal(
    await realmFor("registry.example.com"),
    "http://registry.example.com/auth/token",
  );
  assert.equal(await realmFor("evil.example.com"), `${origin}/auth/token`);
});
