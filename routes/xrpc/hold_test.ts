import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import type { Did } from "../../lib/atproto/identity.ts";
import { validateXrpcOutput } from "../../lib/atproto/lexicon.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldSettings } from "../../lib/hold/bootstrap.ts";
import { ReadTickets } from "../../lib/hold/read_tickets.ts";
import { ALICE, BOB, CAPTAIN, HOLD, noise } from "../../lib/hold/testing.ts";
import {
  imageOf,
  openServices,
  type ServiceOptions,
} from "../../lib/hold/testing_services.ts";
import { silentLogger } from "../../lib/log.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { type AppEnv, onError } from "../middleware.ts";
import { createHoldRoutes } from "./hold.ts";
import { createBlobResponder } from "./hold_blob.ts";
import type { ServiceTokens } from "./hold_request.ts";

const ORIGIN = "https://hold.example.com";
const REGISTRY: Did = "did:web:registry.example.com";

/** Takes `Bearer <did> <lxm>` for a signed token. */
const tokens: ServiceTokens = {
  verify(authorization, lxm) {
    const [, did, method] = authorization?.split(" ") ?? [];
    if (did?.startsWith("did:") && method === lxm) {
      return Promise.resolve(did as Did);
    }
    throw new AppError("UNAUTHORIZED", "Send a service token.");
  },
};

/** Status and JSON of an answer; what succeeds is what the lexicon says. */
async function answerOf(lxm: string, response: Response) {
  const body = await response.json();
  const { status } = response;
  if (status === 200) {
    assert.deepEqual(validateXrpcOutput(lxm, body), { valid: true });
  } else assert.deepEqual(Object.keys(body), ["error", "message"]);
  return { status, body };
}

async function openServer(
  settings: Partial<HoldSettings> = {},
  options: ServiceOptions = {},
) {
  const hold = await openServices({
    ...options,
    settings: { allowAllCrew: false, ...settings },
  });
  const { kv, clock, access, blobs } = hold;
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("requestId", "test");
    c.set("log", silentLogger);
    await next();
  });
  app.onError(onError);
  app.route(
    "/xrpc",
    createHoldRoutes({ ...hold, tokens, trustedRegistries: [REGISTRY] }),
  );
  const respond = createBlobResponder({
    tokens,
    access,
    blobs,
    tickets: new ReadTickets({ kv, clock }),
    did: HOLD,
    baseUrl: ORIGIN,
  });
  app.get(
    "/xrpc/com.atproto.sync.getBlob",
    (c) => respond(c.req.raw, c.req.query("cid") ?? ""),
  );
  const send = (path: string, init: RequestInit = {}) =>
    Promise.resolve(app.request(`${ORIGIN}/xrpc/${path}`, init));
  /** Calls a procedure as `did` and gives status and JSON. */
  const call = async (did: Did | undefined, name: string, input: unknown) => {
    const lxm = `io.atcr.hold.${name}`;
    const response = await send(lxm, {
      method: "POST",
      ...(did ? { headers: { authorization: `Bearer ${did} ${lxm}` } } : {}),
      body: JSON.stringify(input),
    });
    return await answerOf(lxm, response);
  };
  /** Asks a query as `did` and gives status and JSON. */
  const ask = async (
    did: Did | undefined,
    name: string,
    query: Record<string, string> = {},
  ) => {
    const lxm = `io.atcr.hold.${name}`;
    const response = await send(`${lxm}?${new URLSearchParams(query)}`, {
      ...(did ? { headers: { authorization: `Bearer ${did} ${lxm}` } } : {}),
    });
    return await answerOf(lxm, response);
  };
  return {
    ...hold,
    send,
    call,
    ask,
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}

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

Deno.test("who may not write starts, fills, completes and aborts nothing", async () => {
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
  assert.deepEqual(await server.uploads.status(uploadId), { offset: 0 });
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

Deno.test("bad input gets the name and a sentence of what is wrong", async () => {
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
    headers: { authorization: `Bearer ${CAPTAIN} io.atcr.hold.initiateUpload` },
    body: "{",
  });
  assert.equal(text.status, 400);
  const get = await server.send("io.atcr.hold.initiateUpload");
  assert.match((await get.json()).message, /use POST/);
});

Deno.test("somebody who pushes to a hold for all becomes crew on record", async () => {
  await using server = await openServer({ allowAllCrew: true });
  await server.call(ALICE, "initiateUpload", UPLOAD);
  assert.equal((await server.crew.find(ALICE))?.role, "member");
});

Deno.test("one joins the crew once, where the hold takes everybody", async () => {
  await using open = await openServer({ allowAllCrew: true });
  const first = await open.call(ALICE, "requestCrew", {});
  assert.equal(first.body.status, "created");
  const second = await open.call(ALICE, "requestCrew", {});
  assert.deepEqual(second.body, {
    ...first.body,
    status: "already_member",
    message: "You are crew already.",
  });
  const member = await open.crew.find(ALICE);
  assert.deepEqual(member?.permissions, ["blob:read", "blob:write"]);
  for (const wish of [{ permissions: ["crew:admin"] }, { role: "admin" }]) {
    const { status } = await open.call(BOB, "requestCrew", wish);
    assert.equal(status, 400);
  }
  await using closed = await openServer();
  const refused = await closed.call(ALICE, "requestCrew", {});
  assert.equal(refused.body.error, "RegistrationDisabled");
});

/** The input of a notification. */
function noticeInput(...args: Parameters<typeof imageOf>) {
  const { owner, digest, tag, repository, manifest } = imageOf(...args);
  return {
    userDid: owner,
    manifestDigest: digest,
    repository,
    manifest,
    ...(tag === undefined ? {} : { tag }),
  };
}

Deno.test("a push is told over XRPC and its layers are found by the manifest", async () => {
  await using server = await openServer({
    allowAllCrew: true,
    enableBlueskyPosts: true,
  });
  const layer = await server.push(ALICE, noise(100));
  const input = noticeInput(ALICE, [layer], { tag: "v1" });
  const { status, body } = await server.call(ALICE, "notifyManifest", input);
  assert.equal(status, 200);
  assert.match(body.postUri, /^at:\/\/did:web:hold/);
  assert.deepEqual({ ...body, postUri: "" }, {
    success: true,
    operation: "push",
    statsUpdated: true,
    layersCreated: 1,
    postCreated: true,
    postUri: "",
  });
  const [record] = await server.all("layer");
  const manifest = String(record?.value["manifest"]);
  const found = await server.ask(undefined, "getLayersForManifest", {
    manifest,
  });
  assert.deepEqual(found.body, { layers: [record?.value] });
  const none = await server.ask(undefined, "getLayersForManifest", {
    manifest: "nonsense",
  });
  assert.equal(none.body.error, "InvalidRequest");
});

Deno.test("the notification of an early registry is understood", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const layer = await server.push(ALICE, noise(100));
  const { manifestDigest: _, ...input } = noticeInput(ALICE, [layer], {
    tag: "latest",
    repository: "alice.test/myapp",
  });
  const { body } = await server.call(ALICE, "notifyManifest", {
    ...input,
    userHandle: "alice.test",
  });
  assert.equal(body.success, true);
  assert.equal(body.layersCreated, 1);
  assert.equal(
    (await server.stats.get({ owner: ALICE, repository: "myapp" }))?.pushCount,
    1,
  );
  assert.equal(
    (await server.all("layer"))[0]?.value["manifest"],
    `at://${ALICE}/io.atcr.tag/myapp_latest`,
  );
});

Deno.test("a pull told by anybody who may read is counted, of known repositories only", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const input = noticeInput(ALICE, []);
  await server.call(ALICE, "notifyManifest", input);
  const pull = { ...input, operation: "pull" };
  const { body } = await server.call(BOB, "notifyManifest", pull);
  assert.deepEqual(body, {
    success: true,
    operation: "pull",
    statsUpdated: true,
  });
  const unknown = await server.call(BOB, "notifyManifest", {
    ...pull,
    repository: "other",
  });
  assert.equal(unknown.body.statsUpdated, false);
  await server.stats.flush();
  const stats = await server.stats.get({ owner: ALICE, repository: "myapp" });
  assert.equal(stats?.pullCount, 1);
});

Deno.test("notifications with the wrong user, operation, size or shape are refused", async () => {
  await using server = await openServer({ allowAllCrew: true }, {
    tiers: [{ name: "deckhand", quota: 50 }, { name: "bosun", quota: 500 }],
    defaultTier: "deckhand",
  });
  await server.crew.request(ALICE);
  await server.crew.setTier(ALICE, "bosun");
  const layer = await server.push(ALICE, noise(100));
  await server.crew.setTier(ALICE, "deckhand");
  const input = noticeInput(ALICE, [layer]);
  const cases: [Did, unknown, string][] = [
    [BOB, input, "UserMismatch"],
    [ALICE, { ...input, operation: "delete" }, "InvalidOperation"],
    [ALICE, input, "QuotaExceeded"],
    [ALICE, { ...input, manifestDigest: "sha256:x" }, "InvalidDigest"],
    [ALICE, { ...input, manifestDigest: undefined }, "InvalidRequest"],
    [ALICE, { ...input, userDid: "alice" }, "InvalidRequest"],
    [ALICE, { ...input, manifest: { layers: [] } }, "InvalidRequest"],
    [ALICE, { ...input, repository: "x".repeat(257) }, "InvalidRequest"],
  ];
  for (const [did, body, error] of cases) {
    const answer = await server.call(did, "notifyManifest", body);
    assert.equal(answer.body.error, error);
    assert.ok(answer.status >= 400 && answer.status < 500);
  }
  assert.deepEqual(await server.all("layer"), []);
});

Deno.test("a quota is told, and tiers are set by admins and trusted registries", async () => {
  await using server = await openServer({ allowAllCrew: true }, {
    tiers: [{ name: "deckhand", quota: 50 }, { name: "bosun", quota: 500 }],
    defaultTier: "deckhand",
  });
  const quota = async () =>
    (await server.ask(undefined, "getQuota", { userDid: ALICE })).body;
  await server.crew.request(ALICE);
  assert.deepEqual(await quota(), {
    userDid: ALICE,
    uniqueBlobs: 0,
    totalSize: 0,
    limit: 50,
    tier: "deckhand",
  });
  const input = { userDid: ALICE, tierRank: 1 };
  const own = await server.call(ALICE, "updateCrewTier", input);
  assert.equal(own.body.error, "AuthRequired");
  for (const did of [REGISTRY, CAPTAIN]) {
    const { body } = await server.call(did, "updateCrewTier", input);
    assert.deepEqual(body, { tierName: "bosun" });
  }
  assert.equal((await quota()).limit, 500);
  const stranger = { userDid: BOB, tierRank: 1 };
  const missing = await server.call(CAPTAIN, "updateCrewTier", stranger);
  assert.equal(missing.body.error, "UserNotFound");
  const bad = await server.ask(undefined, "getQuota", { userDid: "alice" });
  assert.equal(bad.body.error, "InvalidUserDid");
});

Deno.test("one sees and deletes what the hold keeps about oneself", async () => {
  await using server = await openServer({
    allowAllCrew: true,
    enableBlueskyPosts: true,
  });
  for (const who of [ALICE, BOB]) {
    await server.crew.request(who);
    const layer = await server.push(who, noise(100));
    await server.notify.push(who, imageOf(who, [layer], { tag: "v1" }));
  }
  const { body } = await server.ask(ALICE, "exportUserData");
  assert.equal(body.userDid, ALICE);
  assert.equal(body.holdDid, HOLD);
  assert.equal(body.isCaptain, false);
  assert.equal(body.crewRecord.role, "member");
  assert.equal(body.layerRecords.length, 1);
  assert.equal(body.layerRecords[0].size, 100);
  assert.equal(body.statsRecords[0].pushCount, 1);
  assert.match(body.blueskyPosts[0].text, /@alice\.test/);
  const gone = await server.call(ALICE, "deleteUserData", {});
  assert.deepEqual(gone.body, {
    success: true,
    crewDeleted: true,
    layersDeleted: 1,
    statsDeleted: 1,
  });
  for (const collection of ["layer", "stats", "post"] as const) {
    const left = await server.all(collection);
    assert.equal(left.length, 1, collection);
    assert.ok(!JSON.stringify(left).includes(ALICE));
  }
  const after = await server.ask(ALICE, "exportUserData");
  assert.equal(after.body.crewRecord, undefined);
  assert.deepEqual(after.body.layerRecords, []);
  const captain = await server.call(CAPTAIN, "deleteUserData", {});
  assert.equal(captain.body.crewDeleted, false);
  assert.equal((await server.access.admin(CAPTAIN)).allowed, true);
  const anonymous = await server.ask(undefined, "exportUserData");
  assert.equal(anonymous.status, 401);
  assert.equal(anonymous.body.error, "AuthRequired");
});

Deno.test("counts are set by admins only", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const input = { ownerDid: ALICE, repository: "myapp", pullCount: 42 };
  assert.equal((await server.call(ALICE, "setStats", input)).status, 403);
  for (
    const [change, error] of [
      [{ ownerDid: "alice" }, "InvalidOwner"],
      [{ repository: "" }, "InvalidRepository"],
    ] as const
  ) {
    const bad = { ...input, ...change };
    const { body } = await server.call(CAPTAIN, "setStats", bad);
    assert.equal(body.error, error);
  }
  const done = await server.call(CAPTAIN, "setStats", input);
  assert.deepEqual(done.body, { success: true });
  const stats = await server.stats.get({ owner: ALICE, repository: "myapp" });
  assert.equal(stats?.pullCount, 42);
  assert.equal(stats.pushCount, 0);
});
