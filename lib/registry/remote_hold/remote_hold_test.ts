/** Remote holds: our own implementation over XRPC, and others that respond differently. */

import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openServer } from "../../../routes/xrpc/testing_hold.ts";
import { digestOf } from "../../../tests/support/oci.ts";
import { until } from "../../../tests/support/until.ts";
import { fakeFetch } from "../../net/testing_fetch.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  CAPTAIN,
  HOLD,
  noise,
} from "../../hold/testing.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import type { TargetRules } from "../../net/client_target.ts";
import type { HoldFetch } from "./remote_calls.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import { RemoteHold } from "./remote_hold.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";

const ORIGIN = "https://hold.example.com";
const MIB = 1024 * 1024;

const TARGETS: TargetRules = {
  plain: false,
  plainOrigins: [],
  ownOrigins: ["https://registry.example.com"],
};

/** The system clock, with shorter pauses. */
const IMPATIENT: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

/** A session whose service tokens name account and method. */
function session(did: Did): Promise<PdsSession | undefined> {
  const refuse = () => Promise.reject(new Error("not asked for here"));
  return Promise.resolve({
    did,
    pds: "https://pds.example.com",
    applyWrites: refuse,
    putRecord: refuse,
    deleteRecord: refuse,
    uploadBlob: refuse,
    serviceToken: (_aud, lxm) => Promise.resolve(`${did} ${lxm}`),
  });
}

/** The client of a hold that `fetch` reaches. */
async function openRemote(fetch: HoldFetch, clock: Clock = systemClock) {
  const kv = await openKv(":memory:", clock);
  const hold = new RemoteHold({
    did: HOLD,
    origin: ORIGIN,
    fetch,
    targets: TARGETS,
    session,
    kv,
    clock,
    log: silentLogger,
    uploadTtlMs: 3_600_000,
  });
  return { hold, kv, [Symbol.dispose]: () => kv.close() };
}

/** Our own hold, and a registry's client for it; `spoil` may respond instead of the hold. */
async function openPair(
  settings: Parameters<typeof openServer>[0] = {},
  spoil: (request: Request) => Response | undefined = () => undefined,
) {
  const server = await openServer(settings);
  const seen: string[] = [];
  const fetch: HoldFetch = async (url, init) => {
    const request = new Request(url, init);
    const { pathname, searchParams } = new URL(url);
    const method = pathname.replace("/xrpc/", "");
    seen.push(method);
    const spoilt = spoil(request);
    if (spoilt) return spoilt;
    const collection = searchParams.get("collection") ?? "";
    if (method === "com.atproto.repo.getRecord") {
      const rkey = searchParams.get("rkey") ?? "";
      const record = await server.records.getRecord(collection, rkey);
      return record
        ? Response.json(record)
        : new Response(null, { status: 400 });
    }
    if (method === "com.atproto.repo.listRecords") {
      const page = await server.records.listRecords(collection, {
        limit: 2,
        ...(searchParams.has("cursor")
          ? { cursor: searchParams.get("cursor") ?? "" }
          : {}),
      });
      return Response.json(page);
    }
    return await server.send(url.slice(`${ORIGIN}/xrpc/`.length), init);
  };
  const remote = await openRemote(fetch, IMPATIENT);
  return {
    server,
    hold: remote.hold,
    seen,
    async [Symbol.asyncDispose]() {
      remote[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const digest = (bytes: Uint8Array): Digest => parseDigest(digestOf(bytes));

async function startUpload(
  hold: RemoteHold,
  caller: Did,
): Promise<UploadRef> {
  const uploadId = await hold.startUpload(caller);
  return { uploadId, caller, algorithm: "sha256" };
}

async function push(
  hold: RemoteHold,
  caller: Did,
  pieces: readonly Uint8Array<ArrayBuffer>[],
  name: Digest,
) {
  const upload = await startUpload(hold, caller);
  let offset = 0;
  for (const piece of pieces) {
    assert.equal(await hold.uploadOffset(upload), offset);
    offset = await hold.append(upload, offset, bodyOf(piece));
  }
  return { upload, ...await hold.completeUpload(upload, name) };
}

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

Deno.test("access decisions are those of the hold itself", async () => {
  for (const open of [true, false]) {
    for (const allowAllCrew of [true, false]) {
      await using pair = await openPair({ public: open, allowAllCrew });
      const { hold, server } = pair;
      const readers: Did[] = ["reader", "writer", "admin", "nothing"].map(
        (name): Did => `did:web:${name}.example.com`,
      );
      const [reader, writer, admin, nothing] = readers;
      const all: [Did | undefined, string[]][] = [
        [reader, ["blob:read"]],
        [writer, ["blob:write"]],
        [admin, ["crew:admin"]],
        [nothing, []],
      ];
      for (const [did, permissions] of all) {
        assert.ok(did);
        await server.crew.put(did, { role: "member", permissions });
      }
      for (const did of [undefined, CAPTAIN, ALICE, ...readers]) {
        const where = `public ${open} all ${allowAllCrew} ${did}`;
        const { access } = server;
        assert.equal(
          (await hold.mayRead(did)).allowed,
          (await access.read(did)).allowed,
          `read ${where}`,
        );
        if (did === undefined) continue;
        assert.equal(
          (await hold.mayWrite(did)).allowed,
          (await access.write(did)).allowed,
          `write ${where}`,
        );
      }
    }
  }
});

Deno.test("a writer joins the crew of a hold with allowAllCrew, and a refusal is not cached", async () => {
  await using pair = await openPair({ allowAllCrew: true });
  assert.equal((await pair.hold.mayWrite(BOB)).allowed, true);
  assert.ok(await pair.server.crew.find(BOB));
  await using closed = await openPair();
  const refused = await closed.hold.mayWrite(BOB);
  assert.ok(!refused.allowed);
  assert.match(refused.reason, /ask its captain did:plc:captain/);
  await closed.server.crew.put(BOB, {
    role: "member",
    permissions: ["blob:write"],
  });
  assert.equal((await closed.hold.mayWrite(BOB)).allowed, true);
});

Deno.test("a private hold serves no blobs without login", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  const bytes = noise(10);
  const name = digest(bytes);
  await push(hold, CAPTAIN, [bytes], name);
  assert.equal(await hold.stat(undefined, name), undefined);
  assert.equal(await hold.open(undefined, name), undefined);
  assert.equal(await hold.locate(BOB, name), undefined);
  const url = await hold.locate(CAPTAIN, name);
  assert.ok(url);
  const answer = await pair.server.send(url.slice(`${ORIGIN}/xrpc/`.length));
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);
});

Deno.test("pushes and pulls are reported to the hold", async () => {
  await using pair = await openPair({ allowAllCrew: true });
  const { hold, server } = pair;
  await hold.mayWrite(ALICE);
  const bytes = noise(10);
  const name = digest(bytes);
  await push(hold, ALICE, [bytes], name);
  const repository = "nested/app";
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  await hold.notifyManifest(ALICE, {
    repository,
    owner: ALICE,
    digest: digest(noise(5)),
    tag: "v1",
    manifest: {
      mediaType,
      layers: [{ digest: name, size: 10, mediaType: "x/y" }],
    },
  });
  const [layer] = await server.all("layer");
  assert.equal(layer?.value["digest"], name);
  const pull = { repository, owner: ALICE, digest: name, mediaType };
  hold.countPull(undefined, pull);
  hold.countPull(ALICE, pull);
  const counts = async () => {
    await server.stats.flush();
    return await server.stats.get({ owner: ALICE, repository });
  };
  await until(async () => (await counts())?.pullCount === 1, counts);
  assert.equal((await counts())?.pushCount, 1);
});

Deno.test("holds that return a URL, as JSON or as redirect, are supported", async () => {
  const bytes = noise(100);
  const name = digest(bytes);
  const url = "https://s3.example.com/blob?sig=1";
  const stored = (request: Request) => {
    assert.equal(request.headers.get("authorization"), null);
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
    if (!range) {
      return new Response(bytes, { headers: { "content-length": "100" } });
    }
    const [, start, end] = range.map(Number);
    return new Response(bytes.slice(start, Number(end) + 1), {
      status: 206,
      headers: { "content-range": `bytes ${start}-${end}/100` },
    });
  };
  const answers = [
    () => Response.json({ url }),
    () => new Response(null, { status: 307, headers: { location: url } }),
  ];
  for (const answer of answers) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
        request.method === "HEAD"
          ? new Response(null, { status: 405 })
          : answer(),
      "https://s3.example.com/blob": stored,
    });
    using remote = await openRemote(fetch);
    const { hold } = remote;
    assert.deepEqual(await hold.stat(ALICE, name), { size: 100 });
    assert.equal(await hold.locate(ALICE, name), url);
    const part = await hold.open(ALICE, name, { start: 5, end: 9 });
    const five = await new Response(part?.body ?? null).arrayBuffer();
    assert.deepEqual(new Uint8Array(five), bytes.slice(5, 10));
  }
});

Deno.test("many blobs are looked up at the hold, not in the cache", async () => {
  const [kept, purged] = [digest(noise(10)), digest(noise(20))];
  let there = [kept, purged];
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      there.some((each) => request.url.includes(encodeURIComponent(each)))
        ? new Response(null, { headers: { "content-length": "10" } })
        : new Response(null, { status: 404 }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  assert.deepEqual(await hold.statMany(ALICE, [kept, purged]), [10, 10]);
  assert.deepEqual(await hold.stat(ALICE, purged), { size: 10 });
  there = [kept];
  assert.deepEqual(await hold.statMany(ALICE, [purged, kept]), [undefined, 10]);
  assert.equal(await hold.stat(ALICE, purged), undefined);
});

Deno.test("invalid responses are reported as the hold's errors", async () => {
  const xrpc = `${ORIGIN}/xrpc`;
  const { fetch } = fakeFetch({
    [`${xrpc}/com.atproto.repo.getRecord`]: { value: { owner: 5 } },
    [`${xrpc}/io.atcr.hold.initiateUpload`]: { id: "x" },
    [`${xrpc}/com.atproto.sync.getBlob`]: () =>
      new Response("x", { status: 200 }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  const fault = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
  await assert.rejects(hold.mayRead(ALICE), fault);
  await assert.rejects(hold.startUpload(ALICE), fault);
  // A full response must not be mistaken for the range.
  await assert.rejects(
    hold.open(ALICE, digest(noise(2)), { start: 1, end: 1 }),
    fault,
  );
});

Deno.test("the message of a refusal contains no untrusted text of the hold", async () => {
  const owner = "did:web:x\nLogin Succeeded";
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.repo.getRecord`]: {
      value: { owner, public: false },
    },
    [`${ORIGIN}/xrpc/com.atproto.repo.listRecords`]: { records: [] },
  });
  using remote = await openRemote(fetch);
  await assert.rejects(
    remote.hold.mayWrite(ALICE),
    (error) =>
      isAppError(error, "UPSTREAM_FAILED") && !error.message.includes("Login"),
  );
});

Deno.test("a server without a hold is queried once for many readers", async () => {
  let asked = 0;
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.repo.getRecord`]: () => {
      asked++;
      return new Response("{}", { status: 500 });
    },
  });
  using remote = await openRemote(fetch);
  for (let i = 0; i < 20; i++) {
    await assert.rejects(
      remote.hold.mayRead(undefined),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
  assert.equal(asked, 1);
});

Deno.test("an invalid size counts as missing", async () => {
  for (const length of ["1e3", "0x10", "99999999999999999999"]) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: () =>
        new Response(null, { headers: { "content-length": length } }),
    });
    using remote = await openRemote(fetch);
    await assert.rejects(
      remote.hold.stat(ALICE, digest(noise(2))),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
});

Deno.test("a failure without a body is no empty blob", async () => {
  const empty = { headers: { "content-length": "0" } };
  for (const status of [404, 416, 429, 500, 503]) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
        request.method === "HEAD"
          ? new Response(null, { ...empty, status: 405 })
          : new Response("", { ...empty, status }),
    });
    using remote = await openRemote(fetch);
    const { hold } = remote;
    const name = digest(noise(2));
    const found = await hold.statMany(ALICE, [name]).catch(() => [undefined]);
    assert.deepEqual(found, [undefined], `${status}`);
    const opened = await hold.open(ALICE, name).catch(() => undefined);
    assert.equal(opened, undefined, `${status}`);
  }
});

Deno.test("an empty blob is found at a hold that refuses its first byte", async () => {
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      request.method === "HEAD"
        ? new Response(null, { status: 405 })
        : new Response("", {
          status: 416,
          headers: { "content-range": "bytes */0" },
        }),
  });
  using remote = await openRemote(fetch);
  const name = digest(new Uint8Array(0));
  assert.deepEqual(await remote.hold.statMany(ALICE, [name]), [0]);
});

Deno.test("the URL of a blob is read up to a limit, however much the hold sends", async () => {
  let sent = 0;
  let stopped = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(16 * 1024).fill(0x20));
        if (sent > 1_000) controller.close();
      },
      cancel() {
        stopped++;
      },
    });
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      request.method === "HEAD"
        ? new Response(null, { status: 405 })
        : new Response(endless(), {
          headers: { "content-type": "application/json" },
        }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  const name = digest(noise(2));
  const fault = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
  await assert.rejects(hold.open(ALICE, name), fault);
  await assert.rejects(hold.locate(ALICE, name), fault);
  await assert.rejects(hold.stat(ALICE, name), fault);
  assert.equal(stopped, 3);
  assert.ok(sent < 30, `${sent}`);
});

Deno.test("a session that has ended asks the user to log in again", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const hold = new RemoteHold({
    did: HOLD,
    origin: ORIGIN,
    fetch: () => Promise.reject(new Error("not asked")),
    targets: TARGETS,
    session: () => Promise.resolve(undefined),
    kv,
    clock,
    log: silentLogger,
    uploadTtlMs: 1,
  });
  await assert.rejects(
    hold.startUpload(ALICE),
    (error) => isAppError(error, "UNAUTHORIZED"),
  );
  kv.close();
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
