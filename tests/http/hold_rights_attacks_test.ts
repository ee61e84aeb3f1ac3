/** Unauthorised requests: all are refused, and nothing changes. */

import assert from "node:assert/strict";
import { z } from "zod";
import { attackedHold, INITIATE } from "../support/attacked_hold.ts";
import type { Forger } from "../support/forger.ts";
import { digestOf, randomBlob } from "../support/oci.ts";

const it = attackedHold();

const uriAnswer = z.object({ uri: z.string() });
const valueAnswer = z.object({ value: z.record(z.string(), z.unknown()) });

Deno.test("uploads of others, wrong parts and wrong tickets are refused", async () => {
  const { captain, mallory, reader, stranger, ...rest } = it();
  const { as, send, openUpload, sendPart, assertRefused } = rest;
  const theirs = await openUpload(captain);
  const own = await openUpload(mallory);
  const other = await openUpload(mallory);
  const { body } = await as(mallory, "io.atcr.hold.getPartUploadUrl", {
    input: { uploadId: other, partNumber: 1 },
  });
  const { headers: ticket } = body as { headers: Record<string, string> };
  const digest = digestOf(new Uint8Array(10));
  const sent = (await sendPart(mallory, own, "1")).body as { etag: string };
  const call = (name: string, input: unknown, person = mallory) =>
    as(person, `io.atcr.hold.${name}`, { input });
  const withTicket = (headers: Record<string, string>) =>
    send("io.atcr.hold.uploadPart", {
      input: new Uint8Array(10),
      headers: { "x-part-number": "1", ...headers },
    });
  const complete = (change: Record<string, unknown>) =>
    call("completeUpload", {
      uploadId: own,
      digest,
      parts: [{ partNumber: 1, etag: sent.etag }],
      ...change,
    });
  await assertRefused([
    [
      "a part URL of another's upload",
      () => call("getPartUploadUrl", { uploadId: theirs, partNumber: 1 }),
      404,
    ],
    ["a part into another's upload", () => sendPart(mallory, theirs, "1"), 404],
    [
      "the completion of another's upload",
      () => call("completeUpload", { uploadId: theirs, digest }),
      404,
    ],
    [
      "the end of another's upload",
      () => call("abortUpload", { uploadId: theirs }),
      404,
    ],
    [
      "an unknown upload",
      () => call("abortUpload", { uploadId: crypto.randomUUID() }),
      404,
    ],
    [
      "an id that is a path",
      () => sendPart(mallory, "../../blobs/x", "1"),
      404,
    ],
    [
      "an id of 300 characters",
      () => call("abortUpload", { uploadId: "x".repeat(300) }),
      400,
    ],
    ["no id", () => sendPart(mallory, "", "1"), 404, 400],
    ["part 0", () => sendPart(mallory, own, "0"), 400],
    ["part -1", () => sendPart(mallory, own, "-1"), 400],
    ["part 1.5", () => sendPart(mallory, own, "1.5"), 400],
    ["part 10,001", () => sendPart(mallory, own, "10001"), 400],
    ["part NaN", () => sendPart(mallory, own, "one"), 400],
    [
      "a ticket for another upload",
      () => withTicket({ ...ticket, "x-upload-id": theirs }),
      401,
    ],
    [
      "a ticket for one's own other upload",
      () => withTicket({ ...ticket, "x-upload-id": own }),
      401,
    ],
    ["a guessed ticket", () =>
      withTicket({
        "x-upload-id": own,
        "x-upload-ticket": crypto.randomUUID(),
      }), 401],
    ["no ticket and no token", () => withTicket({ "x-upload-id": own }), 401],
    [
      "completion with a forged etag",
      () => complete({ parts: [{ partNumber: 1, etag: "0".repeat(32) }] }),
      400,
    ],
    ["completion with a part that was not sent", () =>
      complete({
        parts: [
          { partNumber: 1, etag: sent.etag },
          { partNumber: 2, etag: sent.etag },
        ],
      }), 400],
    ["completion with one part twice", () =>
      complete({
        parts: [
          { partNumber: 1, etag: sent.etag },
          { partNumber: 1, etag: sent.etag },
        ],
      }), 400],
    ["completion with 10,001 parts", () =>
      complete({
        parts: Array.from({ length: 10_001 }, (_, i) => ({
          partNumber: i + 1,
          etag: "x",
        })),
      }), 400],
    [
      "completion under a path",
      () => complete({ digest: "sha256:../../x" }),
      400,
    ],
    [
      "completion under another digest",
      () => complete({ digest: digestOf(new Uint8Array(11)) }),
      400,
    ],
    ["the refused write, repeated", () => complete({}), 404],
    [
      "an upload by a reader",
      () => as(reader, INITIATE, { input: { digest: "x" } }),
      403,
    ],
    [
      "an upload by a stranger",
      () => as(stranger, INITIATE, { input: { digest: "x" } }),
      403,
    ],
    [
      "more than the quota, as declared",
      () => call("initiateUpload", { digest: "x", size: 11_000_000 }),
      403,
    ],
    [
      "more than the quota, as sent",
      async () =>
        await sendPart(mallory, other, "1", new Uint8Array(12_000_000)),
      403,
    ],
  ]);
});

Deno.test("blobs of a private hold are served only to readers, and only when verified", async () => {
  const { aud, captain, reader, stranger, ...rest } = it();
  const { as, send, openUpload, sendPart, assertRefused } = rest;
  const blob = randomBlob(1_000);
  const uploadId = await openUpload(captain);
  const { etag } = (await sendPart(captain, uploadId, "1", blob.bytes))
    .body as {
      etag: string;
    };
  const GET_BLOB = "com.atproto.sync.getBlob";
  const params = { did: aud, cid: blob.digest };
  const get = (person: Forger | undefined, change: object = {}) =>
    person
      ? as(person, GET_BLOB, { params, ...change })
      : send(GET_BLOB, { params, ...change });
  // Sent, but not yet verified.
  assert.equal((await get(captain)).status, 404);
  await as(captain, "io.atcr.hold.completeUpload", {
    input: { uploadId, digest: blob.digest, parts: [{ partNumber: 1, etag }] },
  });
  assert.equal((await get(reader)).status, 200);
  const { body } = await get(reader, { params: { ...params, method: "GET" } });
  const { url } = body as { url: string };
  const other = randomBlob(10);
  const moved = new URL(url);
  moved.searchParams.set("cid", other.digest);
  const plain = async (target: string | URL) => {
    const answer = await fetch(target);
    return { status: answer.status, body: await answer.json() };
  };
  await assertRefused([
    ["nobody", () => get(undefined), 401],
    [
      "nobody, a range",
      () => get(undefined, { headers: { range: "bytes=0-0" } }),
      401,
    ],
    [
      "nobody, an address",
      () => get(undefined, { params: { ...params, method: "GET" } }),
      401,
    ],
    ["a stranger", () => get(stranger), 403],
    ["a guessed ticket", () =>
      get(undefined, {
        params: { ...params, ticket: crypto.randomUUID() },
      }), 401],
    [
      "a ticket that is a pattern",
      () => get(undefined, { params: { ...params, ticket: "*" } }),
      401,
    ],
    ["the ticket of another blob", () => plain(moved), 401],
    ["a token for another method", async () =>
      await send(GET_BLOB, {
        params,
        token: await reader.token(aud, "com.atproto.sync.getRepo"),
      }), 401],
    ["a digest that is a path", () =>
      get(reader, {
        params: { did: aud, cid: "sha256:../../../../etc/passwd" },
      }), 400],
    [
      "an encoded path",
      () =>
        get(reader, { params: { did: aud, cid: "..%2f..%2fetc%2fpasswd" } }),
      400,
    ],
  ]);
  const hidden = await get(undefined, { method: "HEAD" });
  assert.equal(hidden.status, 401);
  assert.equal(hidden.bytes.length, 0);
});

Deno.test("crew members cannot do what requires an admin, nor act for others", async () => {
  const { aud, captain, mallory, stranger, as, assertRefused } = it();
  const call = (person: Forger, nsid: string, input: unknown) =>
    as(person, nsid, { input });
  const note = {
    repo: aud,
    collection: "com.example.note",
    rkey: "self",
    record: { $type: "com.example.note" },
  };
  const crew = "io.atcr.hold.crew";
  const notice = (person: Forger, userDid: string, change: object = {}) =>
    call(person, "io.atcr.hold.notifyManifest", {
      repository: "app",
      userDid,
      manifestDigest: digestOf(new Uint8Array(3)),
      manifest: { mediaType: "application/json", layers: [] },
      ...change,
    });
  await assertRefused([
    [
      "a record by a writer",
      () => call(mallory, "com.atproto.repo.putRecord", note),
      403,
    ],
    [
      "a record by a stranger",
      () => call(stranger, "com.atproto.repo.createRecord", note),
      403,
    ],
    [
      "more rights for oneself",
      () =>
        call(mallory, "com.atproto.repo.putRecord", {
          repo: aud,
          collection: crew,
          rkey: "self",
          record: {
            $type: crew,
            member: mallory.did,
            role: "admin",
            permissions: ["crew:admin"],
            addedAt: "2026-01-01T00:00:00Z",
          },
        }),
      403,
    ],
    [
      "the deletion of a record",
      () =>
        call(mallory, "com.atproto.repo.deleteRecord", {
          repo: aud,
          collection: "io.atcr.hold.captain",
          rkey: "self",
        }),
      403,
    ],
    ["many writes", () =>
      call(mallory, "com.atproto.repo.applyWrites", {
        repo: aud,
        writes: [],
      }), 403],
    [
      "a blob of the repo",
      () => call(mallory, "com.atproto.repo.uploadBlob", new Uint8Array(10)),
      403,
    ],
    ["counts", () =>
      call(mallory, "io.atcr.hold.setStats", {
        ownerDid: mallory.did,
        repository: "app",
        pullCount: 1e6,
      }), 403],
    [
      "a tier",
      () =>
        call(mallory, "io.atcr.hold.updateCrewTier", {
          userDid: mallory.did,
          tierRank: 0,
        }),
      401,
      403,
    ],
    [
      "crew membership without allowAllCrew",
      () => call(stranger, "io.atcr.hold.requestCrew", {}),
      403,
    ],
    [
      "an admin's rights on request",
      () =>
        call(stranger, "io.atcr.hold.requestCrew", {
          permissions: ["crew:admin"],
        }),
      400,
      403,
    ],
    ["a push in another's name", () => notice(mallory, captain.did), 403],
    ["a push by a stranger", () => notice(stranger, stranger.did), 403],
    [
      "a pull reported by a stranger",
      () => notice(stranger, captain.did, { operation: "pull" }),
      403,
    ],
    [
      "an unknown operation",
      () => notice(mallory, mallory.did, { operation: "delete" }),
      400,
    ],
    ["51,000 layers", () =>
      notice(mallory, mallory.did, {
        manifest: {
          mediaType: "application/json",
          layers: Array.from({ length: 51_000 }, () => ({
            digest: digestOf(new Uint8Array(1)),
            size: 1,
            mediaType: "x/y",
          })),
        },
      }), 413],
    [
      "a repository that is a path of 300 characters",
      () => notice(mallory, mallory.did, { repository: "../".repeat(100) }),
      400,
    ],
  ]);
});

Deno.test("a trusted registry can set tiers and nothing else", async () => {
  const { mallory, registry, as } = it();
  const set = await as(registry, "io.atcr.hold.updateCrewTier", {
    input: { userDid: mallory.did, tierRank: 0 },
  });
  assert.deepEqual([set.status, set.body], [200, { tierName: "small" }]);
  const other = await as(registry, "io.atcr.hold.setStats", {
    input: { ownerDid: mallory.did, repository: "app", pullCount: 1 },
  });
  assert.equal(other.status, 403);
  assert.equal(
    (await as(registry, INITIATE, { input: { digest: "x" } })).status,
    403,
  );
});

Deno.test("changes of crew and captain by an admin take effect on the next request", async () => {
  const { aud, captain, stranger, as, send } = it();
  const write = async (name: string, input: Record<string, unknown>) => {
    const nsid = `com.atproto.repo.${name}`;
    const { status, body } = await as(captain, nsid, {
      input: { repo: aud, ...input },
    });
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const push = async () =>
    (await as(stranger, INITIATE, { input: { digest: "x" } })).status;
  assert.equal(await push(), 403);
  const collection = "io.atcr.hold.crew";
  const record = (permissions: readonly string[]) => ({
    member: stranger.did,
    role: "member",
    permissions,
    addedAt: new Date().toISOString(),
  });
  // The key is a TID, as other tools choose it.
  const created = uriAnswer.parse(
    await write("createRecord", { collection, record: record(["blob:write"]) }),
  );
  const rkey = created.uri.split("/").at(-1);
  assert.equal(await push(), 200);
  await write("putRecord", { collection, rkey, record: record(["blob:read"]) });
  assert.equal(await push(), 403);
  await write("deleteRecord", { collection, rkey });
  assert.equal(await push(), 403);

  const place = { collection: "io.atcr.hold.captain", rkey: "self" };
  const answer = await send("com.atproto.repo.getRecord", {
    params: { repo: aud, ...place },
  });
  const { value } = valueAnswer.parse(answer.body);
  await write("putRecord", {
    ...place,
    record: { ...value, allowAllCrew: true },
  });
  assert.equal(await push(), 200);
  await write("putRecord", { ...place, record: value });
});
