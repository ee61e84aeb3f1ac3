/** Refused requests: with helpful messages, and without side effects. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Did } from "../../lib/did.ts";
import { SecretBox } from "../../lib/crypto/secret_box.ts";
import { RegistryTokens } from "../../lib/auth/registry_tokens.ts";
import { systemClock } from "../../lib/clock.ts";
import {
  digestOf,
  imageIndex,
  imageManifest,
  manifest,
  randomBlob,
  textBlob,
  TYPES,
} from "../support/oci.ts";
import {
  type Answer,
  type Call,
  call,
  expect,
  expectError,
  header,
  Repository,
} from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { assertUnchanged, settledState } from "../support/state.ts";

const server = sharedServer();
const alices = (name = "app") =>
  new Repository(server(), server().alice, `alice.test/${name}`);

/** Requests a token like `docker login`. */
function login(
  username: string,
  password: string,
  query = "",
): Promise<Answer> {
  const pair = Buffer.from(`${username}:${password}`).toString("base64");
  return call(`${server().origin}/auth/token${query}`, "GET", {
    headers: { authorization: `Basic ${pair}` },
  });
}

Deno.test("a wrong password is refused with the account's name and advice", async () => {
  const { message } = expectError(
    await login("alice.test", "wrong"),
    401,
    "UNAUTHORIZED",
  );
  assert.match(message, /alice\.test/);
  assert.match(message, /app password/);
  assert.doesNotMatch(message, /"wrong"/);
  expectError(await login("alice.test", ""), 401, "UNAUTHORIZED");
  expectError(await login("alice.test", "x".repeat(600)), 401, "UNAUTHORIZED");
  expectError(await login(server().alice.did, "wrong"), 401, "UNAUTHORIZED");
});

Deno.test("an unknown account is refused by its name", async () => {
  for (const name of ["nobody.test", "Nobody.TEST"]) {
    const answer = await login(name, "whatever");
    // podman and skopeo name nothing but the status, and 401 is a wrong login.
    const { message } = expectError(answer, 401, "UNAUTHORIZED");
    assert.match(message, /nobody\.test/i);
  }
  const nameless = await login("no name at all", "whatever");
  const { message } = expectError(nameless, 401, "UNAUTHORIZED");
  assert.match(message, /no name at all/);
  const nowhere = new Repository(server(), undefined, "nobody.test/app");
  const get = await nowhere.send("GET", "manifests/latest");
  assert.match(expectError(get, 404, "NAME_UNKNOWN").message, /nobody\.test/);
});

Deno.test("an account cannot push or delete in repositories of another", async () => {
  const image = await alices().pushImage("kept");
  const layer = randomBlob(100);
  await alices().pushBlob(layer);
  const bob: TestAccount = server().bob;
  const intruder = new Repository(server(), bob, "alice.test/app");
  const before = await settledState(server());
  const attempts: [string, string, Call?][] = [
    ["POST", "blobs/uploads/"],
    ["POST", `blobs/uploads/?mount=${layer.digest}&from=alice.test/app`],
    ["PUT", "manifests/kept", {
      headers: { "content-type": TYPES.manifest },
      body: image.bytes,
    }],
    ["DELETE", "manifests/kept"],
    ["DELETE", `manifests/${image.digest}`],
    ["DELETE", `blobs/${layer.digest}`],
  ];
  for (const [method, path, options] of attempts) {
    const answer = await intruder.send(method, path, options);
    const { message } = expectError(answer, 403, "DENIED");
    assert.match(message, /alice\.test/, `${method} ${path}`);
    const stranger = await intruder.send(method, path, {
      ...options,
      token: undefined,
    });
    expectError(stranger, 401, "UNAUTHORIZED");
    assert.match(
      header(stranger, "www-authenticate"),
      /^Bearer realm="[^"]+\/auth\/token",service="[^"]+",scope="repository:alice\.test\/app:[a-z,]+"$/,
    );
  }
  await assertUnchanged(server(), before);
});

Deno.test("an upload can be used only by its owner", async () => {
  const location = await alices().startUpload();
  const blob = randomBlob(100);
  expect(await alices().send("PATCH", location, { body: blob.bytes }), 202);
  const before = await settledState(server());
  const id = location.slice(location.lastIndexOf("/") + 1);
  const bobs = new Repository(server(), server().bob, "bob.test/app");
  const elsewhere = alices("other");
  const unknown = "00000000-0000-4000-8000-000000000000";
  const attempts: [Repository, string][] = [
    [bobs, `blobs/uploads/${id}`],
    [elsewhere, `blobs/uploads/${id}`],
    [alices(), `blobs/uploads/${unknown}`],
    [alices(), "blobs/uploads/none"],
    [alices(), "blobs/uploads/not%20an%20id"],
  ];
  for (const [repository, path] of attempts) {
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const answer = await repository.send(method, path, {
        ...(method === "PATCH" ? { body: blob.bytes } : {}),
      });
      expectError(answer, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    const put = await repository.finishUpload(path, blob.digest);
    expectError(put, 404, "BLOB_UPLOAD_UNKNOWN");
  }
  await assertUnchanged(server(), before);
  expect(await alices().finishUpload(location, blob.digest), 201);
});

Deno.test("bytes that do not match their digest are refused and deleted", async () => {
  const [sent, named] = [randomBlob(1_000), randomBlob(1_000)];
  const before = await settledState(server());
  const location = await alices().startUpload();
  expect(await alices().send("PATCH", location, { body: sent.bytes }), 202);
  const put = await alices().finishUpload(location, named.digest);
  const { message } = expectError(put, 400, "DIGEST_INVALID");
  assert.ok(message.includes(sent.digest) && message.includes(named.digest));
  const long = await alices().startUpload();
  const sha512 = digestOf(named.bytes, "sha512");
  const other = await alices().finishUpload(long, sha512, { body: sent.bytes });
  expectError(other, 400, "DIGEST_INVALID");
  const post = await alices().send(
    "POST",
    `blobs/uploads/?digest=${named.digest}`,
    { body: sent.bytes },
  );
  expectError(post, 400, "DIGEST_INVALID");
  for (const { digest } of [sent, named]) {
    const get = await alices().send("GET", `blobs/${digest}`);
    expectError(get, 404, "BLOB_UNKNOWN");
  }
  await assertUnchanged(server(), before);
});

Deno.test("invalid digests are refused", async () => {
  const location = await alices().startUpload();
  const before = await settledState(server());
  const hex = "a".repeat(64);
  for (
    const digest of ["sha256:short", `md5:${hex}`, hex, `sha256:${hex}0`, ""]
  ) {
    const put = await alices().finishUpload(location, digest);
    expectError(put, 400, "DIGEST_INVALID");
    if (digest === "") continue;
    const get = await alices().send("GET", `blobs/${digest}`);
    expectError(get, 400, "DIGEST_INVALID");
    const post = await alices().send("POST", `blobs/uploads/?digest=${digest}`);
    expectError(post, 400, "DIGEST_INVALID");
  }
  expectError(await alices().send("PUT", location), 400, "DIGEST_INVALID");
  const algorithm = "blobs/uploads/?digest-algorithm=md5";
  expectError(await alices().send("POST", algorithm), 400, "DIGEST_INVALID");
  await assertUnchanged(server(), before);
});

Deno.test("invalid manifests are refused with the reason", async () => {
  const config = randomBlob(100);
  await alices().pushBlob(config);
  const before = await settledState(server());
  const { descriptor } = imageManifest(config, []);
  const wrong = [
    [manifest({ schemaVersion: 2 }), /config/],
    [imageManifest(config, [], { layers: {} }), /layers/],
    [imageManifest(config, [], { schemaVersion: 1 }), /schema 1/],
    [imageManifest(config, [], { manifests: [] }), /manifests/],
    [imageIndex([{ ...descriptor, digest: "sha256:x" }]), /digest/],
    [imageIndex([{ ...descriptor, size: -1 }]), /size/],
    [imageManifest(config, [], { mediaType: TYPES.index }), /an index has no/],
    [
      { ...imageManifest(config, []), mediaType: TYPES.dockerManifest },
      /must be equal/,
    ],
    [{ ...manifest({}), ...textBlob("{") }, /cannot be read/],
    [{ ...manifest({}), ...textBlob("[]") }, /not a JSON object/],
    [{ ...manifest({}), ...textBlob("") }, /cannot be read/],
    [manifest({ schemaVersion: 2 }, "text/plain"), /text\/plain/],
  ] as const;
  for (const [document, reason] of wrong) {
    const answer = await alices().send("PUT", "manifests/bad", {
      headers: { "content-type": document.mediaType },
      body: document.bytes,
    });
    const { message } = expectError(answer, 400, "MANIFEST_INVALID");
    assert.match(message, reason);
  }
  const image = imageManifest(config, []);
  const named = randomBlob(10).digest;
  const other = await alices().putManifest(image, named);
  expectError(other, 400, "DIGEST_INVALID");
  for (const tag of [".dot", "-dash", "a".repeat(129), "a%20b"]) {
    const answer = await alices().putManifest(image, tag);
    expectError(answer, 400, "MANIFEST_INVALID");
    const also = await alices().putManifest(image, "good", `?tag=${tag}`);
    expectError(also, 400, "MANIFEST_INVALID");
  }
  await assertUnchanged(server(), before);
});

Deno.test("a manifest is refused until all of its content was pushed", async () => {
  const [config, layer, ...absent] = [0, 1, 2, 3].map(() => randomBlob(100));
  assert.ok(config && layer);
  await alices("parts").pushBlob(config);
  await alices("elsewhere").pushBlob(layer);
  const before = await settledState(server());
  const image = imageManifest(config, [layer, ...absent]);
  const answer = await alices("parts").putManifest(image, "partial");
  const { detail } = expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
  assert.deepEqual(detail, absent.map(({ digest }) => ({ digest })));
  await assertUnchanged(server(), before);
});

Deno.test("altered, expired and foreign tokens are refused", async () => {
  const good = await alices().token();
  const [head = "", claims = "", signature = ""] = good.split(".");
  const flipped = signature.startsWith("A") ? "B" : "A";
  const before = await settledState(server());
  const bad = [
    `Bearer ${await tokenOf(-3_600)}`,
    `Bearer ${head}.${claims}.${flipped}${signature.slice(1)}`,
    `Bearer ${Buffer.from('{"alg":"none"}').toString("base64url")}.${claims}.`,
    `Bearer ${head}.${claims}`,
    "Bearer nonsense",
    "Bearer",
    "Bearer a b",
    "Basic YWxpY2UudGVzdDp4",
    "Basic !!!",
    "Digest username=x",
    "x".repeat(10_000),
  ];
  const fresh = { headers: { authorization: `Bearer ${await tokenOf(0)}` } };
  expect(await call(`${server().origin}/v2/`, "GET", fresh), 200);
  for (const authorization of bad) {
    const headers = { authorization };
    const base = await call(`${server().origin}/v2/`, "GET", { headers });
    expectError(base, 401, "UNAUTHORIZED");
    assert.match(header(base, "www-authenticate"), /^Bearer realm="/);
    const post = await alices().send("POST", "blobs/uploads/", {
      headers,
      token: undefined,
    });
    expectError(post, 401, "UNAUTHORIZED");
  }
  await assertUnchanged(server(), before);
});

/** A token of alice that was issued so many seconds from now. */
async function tokenOf(seconds: number): Promise<string> {
  const secret = await Deno.readFile(`${server().dataDir}/secret.key`);
  const box = new SecretBox(secret);
  const tokens = new RegistryTokens({
    clock: { ...systemClock, now: () => Date.now() + seconds * 1000 },
    key: Buffer.from(box.mac("registry tokens"), "base64url"),
    service: server().host,
    ttlSeconds: 900,
    isRevoked: () => Promise.resolve(false),
  });
  const did = server().alice.did as Did;
  const holder = { did, credential: { kind: "password" } } as const;
  return (await tokens.issue(holder, [])).token;
}

Deno.test("a push to a name that is none learns the reason although it begins with HEAD", async () => {
  const url = `${server().origin}/v2/mycharts/app`;
  const { digest } = randomBlob(10);
  for (const path of [`blobs/${digest}`, "manifests/1.0.0"]) {
    expect(await call(`${url}/${path}`, "HEAD"), 404);
  }
  const { message } = expectError(
    await call(`${url}/blobs/uploads/`, "POST"),
    400,
    "NAME_INVALID",
  );
  assert.match(message, /image names begin with their owner/);
});
