/** Uploads to remote holds: our own implementation, and others that respond differently. */

import assert from "node:assert/strict";
import { fakeFetch } from "../../net/testing_fetch.ts";
import { isAppError } from "../../errors.ts";
import { ALICE, bodyOf, CAPTAIN, noise } from "../../hold/testing.ts";
import type { HoldFetch } from "./remote_calls.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import {
  digest,
  IMPATIENT,
  MIB,
  openPair,
  openRemote,
  ORIGIN,
  push,
  startUpload,
} from "./testing_remote.ts";

Deno.test("blobs of any size and chunking are pushed in parts and read back", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  for (
    const sizes of [[0], [1], [5 * MIB, 5 * MIB, 7], [8 * MIB], [20 * MIB]]
  ) {
    const pieces = sizes.map((size) => noise(size));
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    const name = digest(bytes);
    const { size, upload } = await push(hold, CAPTAIN, pieces, name);
    assert.equal(size, bytes.length);
    assert.equal(await hold.uploadOffset(upload), undefined);
    assert.deepEqual(await hold.stat(CAPTAIN, name), { size: bytes.length });
    const whole = await hold.open(CAPTAIN, name);
    assert.equal(whole?.size, bytes.length);
    const read = new Uint8Array(
      await new Response(whole?.body ?? null).arrayBuffer(),
    );
    assert.equal(digest(read), name);
    if (bytes.length < 3) continue;
    const part = await hold.open(CAPTAIN, name, { start: 1, end: 2 });
    assert.equal(part?.size, bytes.length);
    const two = await new Response(part?.body ?? null).arrayBuffer();
    assert.deepEqual(new Uint8Array(two), bytes.slice(1, 3));
  }
});

Deno.test("wrong bytes are refused and the upload is deleted", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  const upload = await startUpload(hold, CAPTAIN);
  await hold.append(upload, 0, bodyOf(noise(10)));
  const other = digest(noise(11));
  await assert.rejects(
    hold.completeUpload(upload, other),
    (error) => isAppError(error, "DIGEST_INVALID"),
  );
  assert.equal(await hold.uploadOffset(upload), undefined);
  assert.equal(await hold.stat(CAPTAIN, other), undefined);
});

Deno.test("bytes at a wrong offset, from two requests or interrupted change nothing", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  const bytes = noise(9 * MIB);
  const upload = await startUpload(hold, CAPTAIN);
  await assert.rejects(
    hold.append(upload, 5, bodyOf(bytes)),
    (error) => isAppError(error, "RANGE_INVALID"),
  );
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.slice());
      controller.error(new Error("gone"));
    },
  });
  await assert.rejects(hold.append(upload, 0, broken), /gone/);
  const cut = ReadableStream.from((async function* () {
    yield bytes;
    await Promise.resolve();
    throw new Error("cut");
  })());
  await assert.rejects(hold.append(upload, 0, cut), /cut/);
  assert.equal(await hold.uploadOffset(upload), 0);
  const outcomes = await Promise.allSettled([
    hold.append(upload, 0, bodyOf(bytes)),
    hold.append(upload, 0, bodyOf(bytes)),
  ]);
  const refused = outcomes.filter(({ status }) => status === "rejected");
  assert.equal(refused.length, 1);
  await hold.completeUpload(upload, digest(bytes));
  assert.deepEqual(await hold.stat(CAPTAIN, digest(bytes)), {
    size: bytes.length,
  });
});

Deno.test("a cancelled upload is deleted here and at the hold, also the second time", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  const upload = await startUpload(hold, CAPTAIN);
  await hold.append(upload, 0, bodyOf(noise(10)));
  await hold.abortUpload(upload);
  assert.equal(await hold.uploadOffset(upload), undefined);
  await hold.abortUpload(upload);
  await assert.rejects(
    hold.append(upload, 0, bodyOf(noise(10))),
    (error) => isAppError(error, "BLOB_UPLOAD_UNKNOWN"),
  );
});

Deno.test("parts and completion are retried while the hold fails", async () => {
  const failures = new Map([
    ["io.atcr.hold.getPartUploadUrl", 1],
    ["io.atcr.hold.uploadPart", 2],
    ["io.atcr.hold.completeUpload", 2],
  ]);
  await using pair = await openPair({}, ({ url }) => {
    const method = new URL(url).pathname.replace("/xrpc/", "");
    const left = failures.get(method) ?? 0;
    if (left === 0) return undefined;
    failures.set(method, left - 1);
    return new Response("busy", { status: left === 1 ? 503 : 500 });
  });
  const bytes = noise(1000);
  await push(pair.hold, CAPTAIN, [bytes], digest(bytes));
  assert.deepEqual([...failures.values()], [0, 0, 0]);
  assert.ok(await pair.hold.stat(CAPTAIN, digest(bytes)));
});

Deno.test("a hold can redirect clients only to public servers", async () => {
  const name = digest(noise(100));
  const locations = [
    "javascript:alert(1)",
    "http://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://registry.example.com/auth/logout",
  ];
  for (const location of locations) {
    const answers = [
      () => Response.json({ url: location }),
      () => new Response(null, { status: 307, headers: { location } }),
    ];
    for (const answer of answers) {
      const { fetch, asked } = fakeFetch({
        [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: answer,
        [location]: () => new Response("secret"),
      });
      using remote = await openRemote(fetch);
      const refused = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
      await assert.rejects(remote.hold.locate(ALICE, name), refused);
      await assert.rejects(remote.hold.open(ALICE, name), refused);
      assert.ok(asked.every((url) => url.startsWith(ORIGIN)));
    }
  }
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: () =>
      new Response(null, { status: 302, headers: { location: "/bytes" } }),
  });
  using remote = await openRemote(fetch);
  assert.equal(await remote.hold.locate(ALICE, name), `${ORIGIN}/bytes`);
});

Deno.test("a hold can set only headers that describe a part", async () => {
  const sent: Headers[] = [];
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/io.atcr.hold.initiateUpload`]: { uploadId: "u" },
    [`${ORIGIN}/xrpc/io.atcr.hold.getPartUploadUrl`]: {
      url: "https://s3.example.com/part",
      headers: {
        "Content-Type": "application/octet-stream",
        "x-amz-checksum-sha256": "abc",
        "X-Upload-Id": "u",
        "Authorization": "Bearer stolen",
        "Host": "internal.example.com",
        "Transfer-Encoding": "chunked",
        "Content-Length": "1",
        "Cookie": "a=b",
        "X-Forwarded-For": "127.0.0.1",
        "x-amz-meta-note": "a\u0007b",
      },
    },
    "https://s3.example.com/part": (request: Request) => {
      sent.push(request.headers);
      return new Response("", { headers: { etag: '"e"' } });
    },
    [`${ORIGIN}/xrpc/io.atcr.hold.completeUpload`]: {},
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  const bytes = noise(10);
  const uploadId = await hold.startUpload(ALICE);
  const upload = { caller: ALICE, uploadId } as UploadRef;
  await hold.append(upload, 0, bodyOf(bytes));
  await hold.completeUpload(upload, digest(bytes));
  assert.deepEqual([...sent[0]?.keys() ?? []], [
    "content-type",
    "x-amz-checksum-sha256",
    "x-upload-id",
  ]);
});

Deno.test("a part may take longer than a call, and its ETag has the length of the lexicon", async () => {
  const etags = ["e".repeat(257), "e".repeat(256)];
  const idle: (number | undefined)[] = [];
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/io.atcr.hold.initiateUpload`]: { uploadId: "u" },
    [`${ORIGIN}/xrpc/io.atcr.hold.getPartUploadUrl`]: {
      url: "https://s3.example.com/part",
    },
    "https://s3.example.com/part": () =>
      new Response("", { headers: { etag: `"${etags.shift()}"` } }),
    [`${ORIGIN}/xrpc/io.atcr.hold.completeUpload`]: async (
      request: Request,
    ) => {
      const { parts } = await request.json();
      assert.deepEqual(parts, [{ partNumber: 1, etag: "e".repeat(256) }]);
      return Response.json({});
    },
  });
  const watched: HoldFetch = (url, init) => {
    if (url.endsWith("/part")) idle.push(init?.idleTimeoutMs);
    return fetch(url, init);
  };
  using remote = await openRemote(watched, IMPATIENT);
  const bytes = noise(10);
  await push(remote.hold, ALICE, [bytes], digest(bytes));
  assert.deepEqual(idle, [120_000, 120_000]);
});
