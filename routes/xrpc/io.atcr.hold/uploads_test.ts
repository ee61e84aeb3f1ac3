import assert from "node:assert/strict";
import type { Did } from "../../../lib/did.ts";
import { ALICE, BOB, CAPTAIN, HOLD, noise } from "../../../lib/hold/testing.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { openServer } from "../testing_hold.ts";

const UPLOAD = { digest: "uploads/temp-1" };

Deno.test("another registry pushes parts to the URLs it is given and pulls by getBlob", async () => {
  await using server = await openServer();
  const bytes = noise(300_000);
  const digest = digestOf(bytes);
  const { body: { uploadId } } = await server.call(
    CAPTAIN,
    "initiateUpload",
    UPLOAD,
  );
  const parts = [];
  for (const partNumber of [1, 2, 3]) {
    const { body: to } = await server.call(CAPTAIN, "getPartUploadUrl", {
      uploadId,
      partNumber,
    });
    const sent = await server.send(to.url.split("/xrpc/")[1], {
      method: to.method,
      headers: to.headers,
      body: bytes.slice((partNumber - 1) * 100_000, partNumber * 100_000),
    });
    assert.equal(sent.status, 200);
    const { etag } = await sent.json();
    assert.equal(sent.headers.get("etag"), `"${etag}"`);
    parts.push({ partNumber, etag });
  }
  const done = await server.call(CAPTAIN, "completeUpload", {
    uploadId,
    digest,
    parts,
  });
  assert.deepEqual(done, {
    status: 200,
    body: { status: "completed", digest },
  });

  const path = `com.atproto.sync.getBlob?did=${HOLD}&cid=${digest}`;
  const authorization = `Bearer ${CAPTAIN} com.atproto.sync.getBlob`;
  const whole = await server.send(path, { headers: { authorization } });
  assert.deepEqual(new Uint8Array(await whole.arrayBuffer()), bytes);
  const part = await server.send(path, {
    headers: { authorization, range: "bytes=5-9" },
  });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), "bytes 5-9/300000");
  assert.deepEqual(
    new Uint8Array(await part.arrayBuffer()),
    bytes.slice(5, 10),
  );
  const head = await server.send(path, {
    method: "HEAD",
    headers: { authorization },
  });
  assert.equal(head.headers.get("content-length"), "300000");
});

Deno.test("a URL for a private blob works without credentials, for that blob only", async () => {
  await using server = await openServer();
  const [one, two] = [noise(10), noise(20)];
  for (const bytes of [one, two]) {
    await server.store.put(server.keys.blob(digestOf(bytes)), bytes);
  }
  const path = (bytes: Uint8Array) =>
    `com.atproto.sync.getBlob?did=${HOLD}&cid=${digestOf(bytes)}`;
  const answer = await server.send(`${path(one)}&method=GET`, {
    headers: { authorization: `Bearer ${CAPTAIN} com.atproto.sync.getBlob` },
  });
  const { url } = await answer.json();
  const local = url.split("/xrpc/")[1];
  const opened = await server.send(local);
  assert.deepEqual(new Uint8Array(await opened.arrayBuffer()), one);
  const ticket = new URL(url).searchParams.get("ticket");
  assert.equal(
    (await server.send(`${path(two)}&ticket=${ticket}`)).status,
    401,
  );
  server.clock.advance(16 * 60_000);
  assert.equal((await server.send(local)).status, 401);
});

Deno.test("an account that may push and asks for a blob before a push counts as one that may need it", async () => {
  await using server = await openServer({ public: true });
  const digest = await server.push(CAPTAIN, noise(10));
  const permissions = ["blob:read", "blob:write"];
  await server.crew.put(ALICE, { role: "member", permissions });
  const pathOf = (blob: string) =>
    `com.atproto.sync.getBlob?did=${HOLD}&cid=${blob}`;
  const ask = async (did: Did, method: string, path = pathOf(digest)) => {
    const authorization = `Bearer ${did} com.atproto.sync.getBlob`;
    const headers = { authorization };
    const answer = await server.send(path, { method, headers });
    await answer.body?.cancel();
    assert.equal(answer.status, 200);
  };
  const mayNeed = async (did: Did, blob = digest) =>
    await server.uploaders.anyOf(blob, new Set([did])) === did;
  await ask(ALICE, "GET");
  await ask(BOB, "HEAD");
  assert.deepEqual([await mayNeed(ALICE), await mayNeed(BOB)], [false, false]);
  await ask(ALICE, "HEAD");
  assert.equal(await mayNeed(ALICE), true);
  // Some registries ask for a URL instead.
  const other = await server.push(CAPTAIN, noise(11));
  await ask(ALICE, "GET", `${pathOf(other)}&method=HEAD`);
  assert.equal(await mayNeed(ALICE, other), true);
  assert.deepEqual(
    new Set(await Array.fromAsync(server.uploaders.accounts())),
    new Set([CAPTAIN, ALICE]),
  );
});

Deno.test("blobs of a private hold are refused with 401 and 403, unknown ones with 404", async () => {
  await using server = await openServer();
  const cid = digestOf(noise(10));
  const path = `com.atproto.sync.getBlob?did=${HOLD}&cid=${cid}`;
  const as = (did: Did) => ({
    headers: { authorization: `Bearer ${did} com.atproto.sync.getBlob` },
  });
  assert.equal((await server.send(path)).status, 401);
  assert.equal((await server.send(path, as(ALICE))).status, 403);
  assert.equal((await server.send(path, as(CAPTAIN))).status, 404);
  const bad = await server.send(
    "com.atproto.sync.getBlob?cid=sha256:xyz",
    as(CAPTAIN),
  );
  assert.equal(bad.status, 400);
  assert.equal((await bad.json()).error, "InvalidDigest");
});

Deno.test("an account without write access cannot start, fill, complete or abort uploads", async () => {
  await using server = await openServer({ public: true });
  const { body: { uploadId } } = await server.call(
    CAPTAIN,
    "initiateUpload",
    UPLOAD,
  );
  const inputs = {
    initiateUpload: UPLOAD,
    getPartUploadUrl: { uploadId, partNumber: 1 },
    completeUpload: { uploadId, digest: digestOf(noise(1)), parts: [] },
    abortUpload: { uploadId },
  };
  for (const [name, input] of Object.entries(inputs)) {
    assert.equal((await server.call(undefined, name, input)).status, 401, name);
    assert.equal((await server.call(ALICE, name, input)).status, 403, name);
  }
  const part = await server.send("io.atcr.hold.uploadPart", {
    method: "PUT",
    headers: { "x-upload-id": uploadId, "x-part-number": "1" },
    body: noise(1),
  });
  assert.equal(part.status, 401);
  // It still exists unchanged.
  await server.uploads.requireOwner(uploadId, CAPTAIN);
});

Deno.test("a crew member cannot touch the upload of another", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const { body: { uploadId } } = await server.call(
    ALICE,
    "initiateUpload",
    UPLOAD,
  );
  const inputs = {
    getPartUploadUrl: { uploadId, partNumber: 1 },
    completeUpload: { uploadId, digest: digestOf(noise(1)), parts: [] },
    abortUpload: { uploadId },
  };
  for (const [name, input] of Object.entries(inputs)) {
    const { status, body } = await server.call(BOB, name, input);
    assert.equal(status, 404);
    assert.equal(body.error, "InvalidUploadId");
  }
});

Deno.test("a token for another method is refused", async () => {
  await using server = await openServer();
  const response = await server.send("io.atcr.hold.initiateUpload", {
    method: "POST",
    headers: { authorization: `Bearer ${CAPTAIN} io.atcr.hold.abortUpload` },
    body: JSON.stringify(UPLOAD),
  });
  assert.equal(response.status, 401);
});

Deno.test("bad input returns the error name and a sentence", async () => {
  await using server = await openServer();
  const { body: { uploadId } } = await server.call(
    CAPTAIN,
    "initiateUpload",
    UPLOAD,
  );
  const cases: [string, unknown, string, RegExp][] = [
    ["initiateUpload", {}, "InvalidRequest", /digest/],
    ["initiateUpload", [], "InvalidRequest", /input/],
    ["initiateUpload", { digest: "sha256:short" }, "InvalidDigest", /64/],
    ["initiateUpload", { digest: "x", size: -1 }, "InvalidRequest", /size/],
    [
      "getPartUploadUrl",
      { uploadId, partNumber: 0 },
      "InvalidPartNumber",
      /partNumber can not be less than 1/,
    ],
    [
      "getPartUploadUrl",
      { uploadId, partNumber: 10_001 },
      "InvalidPartNumber",
      /1 to 10000/,
    ],
    [
      "getPartUploadUrl",
      { uploadId: "no", partNumber: 1 },
      "InvalidUploadId",
      /no such upload/,
    ],
    [
      "completeUpload",
      { uploadId, digest: "sha256:x", parts: [] },
      "InvalidDigest",
      /digest/,
    ],
    [
      "completeUpload",
      {
        uploadId,
        digest: digestOf(noise(1)),
        parts: [{ partNumber: 1, etag: "e" }],
      },
      "MissingParts",
      /[Pp]art/,
    ],
    [
      "completeUpload",
      {
        uploadId,
        digest: digestOf(noise(1)),
        parts: [{ partNumber: "1", etag: "e" }],
      },
      "InvalidRequest",
      /parts\/0\/partNumber/,
    ],
  ];
  for (const [name, input, error, sentence] of cases) {
    const { status, body } = await server.call(CAPTAIN, name, input);
    assert.ok(status >= 400 && status < 500, name);
    assert.equal(body.error, error);
    assert.match(body.message, sentence);
  }
  const text = await server.send("io.atcr.hold.initiateUpload", {
    method: "POST",
    headers: {
      authorization: `Bearer ${CAPTAIN} io.atcr.hold.initiateUpload`,
      "content-type": "application/json",
    },
    body: "{",
  });
  assert.equal(text.status, 400);
  for (const type of ["text/plain", "application/jsonp", "multipart/json"]) {
    const other = await server.send("io.atcr.hold.initiateUpload", {
      method: "POST",
      headers: {
        authorization: `Bearer ${CAPTAIN} io.atcr.hold.initiateUpload`,
        "content-type": type,
      },
      body: JSON.stringify(UPLOAD),
    });
    assert.equal(other.status, 400, type);
    assert.match((await other.json()).message, /send it as application\/json/);
  }
  const get = await server.send("io.atcr.hold.initiateUpload");
  assert.match((await get.json()).message, /use POST/);
});

Deno.test("an account that pushes to a hold with allowAllCrew gets a crew record", async () => {
  await using server = await openServer({ allowAllCrew: true });
  await server.call(ALICE, "initiateUpload", UPLOAD);
  assert.equal((await server.crew.find(ALICE))?.role, "member");
});
