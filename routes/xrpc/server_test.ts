import assert from "node:assert/strict";
import { fromUint8Array } from "@atcute/car";
import { schemas } from "@atproto/api";
import { jsonToLex, Lexicons } from "@atproto/lexicon";
import { verifyProofs, verifyRepoCar } from "@atproto/repo";
import { Hono } from "@hono/hono";
import { openTestRepo, TEST_DID } from "../../tests/support/repo.ts";
import { AppError } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { RepoBlobs } from "../../lib/repo/blobs.ts";
import { didDocument } from "../../lib/repo/did_document.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { type AppEnv, onError } from "../middleware.ts";
import { createPdsRoutes, createUnknownMethodRoutes } from "./server.ts";

const lexicons = new Lexicons(schemas);
const HANDLE = "hold.example.com";
const NOTE = "com.example.note";
const OTHER_CID = "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
const REPO = "com.atproto.repo";
const SYNC = "com.atproto.sync";

async function openPds(handle = HANDLE) {
  const { repo, kv, signer, clock } = await openTestRepo();
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("requestId", "test");
    c.set("log", silentLogger);
    await next();
  });
  app.onError(onError);
  const asked: string[] = [];
  app.route(
    "/xrpc",
    createPdsRoutes({
      account: { did: TEST_DID, handle },
      repo,
      blobs: new RepoBlobs({
        did: TEST_DID,
        kv,
        store: new MemoryBlobStore(clock),
        objectKey: (id) => `pds/${id}`,
        clock,
      }),
      didDocument: didDocument({
        did: TEST_DID,
        host: handle,
        signingKey: signer.didKey,
        pds: "https://hold.example.com",
        services: {},
      }),
      authorize: (request, lxm) => {
        asked.push(lxm);
        if (request.headers.get("authorization") === "Bearer captain") {
          return Promise.resolve(TEST_DID);
        }
        throw new AppError("UNAUTHORIZED", "Send a service token.");
      },
      ociBlob: (_request, digest) => Promise.resolve(new Response(digest)),
      baseUrl: "https://hold.example.com",
      written: () => {},
      version: "1.2.3",
      links: { privacyPolicy: "https://hold.example.com/privacy" },
    }),
  );
  app.route("/xrpc", createUnknownMethodRoutes());

  const get = (
    nsid: string,
    params: Record<string, string | string[]> = {},
    init: RequestInit = {},
  ) => {
    const query = new URLSearchParams(
      Object.entries(params).flatMap(([name, value]) =>
        [value].flat().map((one) => [name, one])
      ),
    );
    return Promise.resolve(app.request(`/xrpc/${nsid}?${query}`, init));
  };
  /** The JSON answer of a query, checked against its lexicon. */
  const json = async (
    nsid: string,
    params: Record<string, string | string[]> = {},
  ) => {
    const response = await get(nsid, params);
    assert.equal(response.status, 200, await response.clone().text());
    return await checked(nsid, response);
  };
  const post = (nsid: string, body: unknown, token = "captain") =>
    Promise.resolve(app.request(`/xrpc/${nsid}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
    }));
  /** The JSON answer of a procedure, its input and output checked against the lexicon. */
  const call = async (nsid: string, body: Record<string, unknown>) => {
    lexicons.assertValidXrpcInput(nsid, jsonToLex(structuredClone(body)));
    const response = await post(nsid, body);
    assert.equal(response.status, 200, await response.clone().text());
    return await checked(nsid, response);
  };
  return { app, repo, kv, signer, get, json, post, call, asked };
}

async function checked(nsid: string, response: Response) {
  const body = await response.json();
  lexicons.assertValidXrpcOutput(nsid, jsonToLex(structuredClone(body)));
  return body;
}

async function refused(
  answer: Promise<Response>,
  status: number,
  name: string,
): Promise<void> {
  const response = await answer;
  const body = await response.json();
  assert.equal(body.error, name, JSON.stringify(body));
  assert.equal(response.status, status);
  assert.ok(body.message.length > 10);
}

Deno.test("records are created, put, read, listed and deleted as the lexicons say", async () => {
  const pds = await openPds();
  const repo = TEST_DID;
  const created = await pds.call(`${REPO}.createRecord`, {
    repo: HANDLE,
    collection: NOTE,
    record: { $type: NOTE, text: "first" },
  });
  const rkey = created.uri.split("/").at(-1);
  assert.equal(created.commit.cid, (await pds.repo.head()).cid);
  const put = await pds.call(`${REPO}.putRecord`, {
    repo,
    collection: NOTE,
    rkey: "self",
    record: { text: "second" },
    swapRecord: null,
  });
  const { value } = await pds.json(`${REPO}.getRecord`, {
    repo,
    collection: NOTE,
    rkey: "self",
    cid: put.cid,
  });
  assert.deepEqual(value, { $type: NOTE, text: "second" });
  const applied = await pds.call(`${REPO}.applyWrites`, {
    repo,
    swapCommit: put.commit.cid,
    writes: [
      {
        $type: `${REPO}.applyWrites#create`,
        collection: NOTE,
        value: { text: "third" },
      },
      {
        $type: `${REPO}.applyWrites#update`,
        collection: NOTE,
        rkey,
        value: { text: "changed" },
      },
      { $type: `${REPO}.applyWrites#delete`, collection: NOTE, rkey: "self" },
    ],
  });
  assert.equal(applied.results.length, 3);
  const { records, cursor } = await pds.json(`${REPO}.listRecords`, {
    repo,
    collection: NOTE,
    limit: "1",
    reverse: "true",
  });
  assert.equal(records[0].value.text, "changed");
  assert.equal(cursor, rkey);
  const deleted = await pds.call(`${REPO}.deleteRecord`, {
    repo,
    collection: NOTE,
    rkey,
    swapRecord: records[0].cid,
  });
  assert.ok(deleted.commit);
  const again = await pds.call(`${REPO}.deleteRecord`, {
    repo,
    collection: NOTE,
    rkey,
  });
  assert.deepEqual(again, {});
  const described = await pds.json(`${REPO}.describeRepo`, { repo: HANDLE });
  assert.deepEqual(described.collections, [NOTE]);
  assert.ok(described.handleIsCorrect);
  pds.kv.close();
});

Deno.test("nobody but captain and crew admins writes, and each method asks for itself", async () => {
  const pds = await openPds();
  const before = await pds.repo.head();
  const at = { repo: TEST_DID, collection: NOTE, rkey: "a" };
  const methods = {
    createRecord: { ...at, record: {} },
    putRecord: { ...at, record: {} },
    deleteRecord: at,
    applyWrites: { repo: TEST_DID, writes: [] },
    uploadBlob: {},
  };
  for (const [name, body] of Object.entries(methods)) {
    const nsid = `${REPO}.${name}`;
    await refused(pds.post(nsid, body, "x"), 401, "AuthenticationRequired");
    assert.equal(pds.asked.at(-1), nsid);
    await refused(pds.get(nsid), 400, "InvalidRequest");
  }
  assert.deepEqual(await pds.repo.head(), before);
  pds.kv.close();
});

Deno.test("writes that are not right are refused and change nothing", async () => {
  const pds = await openPds();
  await pds.repo.apply([
    { action: "create", collection: NOTE, rkey: "there", value: {} },
  ]);
  const { cid, ...before } = await pds.repo.head();
  const at = { repo: TEST_DID, collection: NOTE, rkey: "a" };
  const create = (over: Record<string, unknown>) =>
    pds.post(`${REPO}.createRecord`, { ...at, record: {}, ...over });
  await refused(
    create({ repo: "did:web:other.example.com" }),
    400,
    "RepoNotFound",
  );
  await refused(create({ repo: "not a repo" }), 400, "InvalidRequest");
  await refused(create({ collection: "notes" }), 400, "InvalidRequest");
  await refused(create({ rkey: "a/b" }), 400, "InvalidRequest");
  await refused(create({ rkey: "there" }), 400, "InvalidRequest");
  await refused(create({ record: "text" }), 400, "InvalidRequest");
  await refused(create({ record: { n: 1.5 } }), 400, "InvalidRecord");
  await refused(create({ record: { $type: "a.b.c" } }), 400, "InvalidRecord");
  await refused(
    create({ swapCommit: OTHER_CID }),
    400,
    "InvalidSwap",
  );
  await refused(create({ swapCommit: "head" }), 400, "InvalidRequest");
  await refused(
    create({ record: { text: "x".repeat(70_000) } }),
    413,
    "PayloadTooLarge",
  );
  const writes = Array.from({ length: 201 }, (_, i) => ({
    $type: `${REPO}.applyWrites#delete`,
    collection: NOTE,
    rkey: `${i}`,
  }));
  await refused(
    pds.post(`${REPO}.applyWrites`, { repo: TEST_DID, writes }),
    400,
    "InvalidRequest",
  );
  await refused(
    pds.post(`${REPO}.applyWrites`, {
      repo: TEST_DID,
      writes: [{ $type: "something" }],
    }),
    400,
    "InvalidRequest",
  );
  await refused(
    pds.get(`${REPO}.getRecord`, { ...at, rkey: "none" }),
    400,
    "RecordNotFound",
  );
  assert.deepEqual(await pds.repo.head(), { cid, ...before });
  pds.kv.close();
});

Deno.test("a blob is uploaded, used by a record, listed and served safely", async () => {
  const pds = await openPds();
  const upload = await pds.app.request(`/xrpc/${REPO}.uploadBlob`, {
    method: "POST",
    headers: {
      "content-type": "text/html; charset=utf-8",
      authorization: "Bearer captain",
    },
    body: "<script>alert(1)</script>",
  });
  const { blob } = await upload.json();
  assert.deepEqual({ ...blob, ref: 0 }, {
    $type: "blob",
    ref: 0,
    mimeType: "text/html",
    size: 25,
  });
  const cid = blob.ref.$link;
  await refused(
    pds.get(`${SYNC}.getBlob`, { did: TEST_DID, cid }),
    400,
    "BlobNotFound",
  );
  await pds.call(`${REPO}.putRecord`, {
    repo: TEST_DID,
    collection: "app.bsky.actor.profile",
    rkey: "self",
    record: { displayName: "Hold", avatar: blob },
  });
  const served = await pds.get(`${SYNC}.getBlob`, { did: TEST_DID, cid });
  assert.equal(served.headers.get("content-type"), "text/html");
  assert.equal(served.headers.get("x-content-type-options"), "nosniff");
  assert.match(served.headers.get("content-security-policy") ?? "", /sandbox/);
  assert.match(served.headers.get("content-disposition") ?? "", /attachment/);
  assert.match(await served.text(), /script/);
  const head = await pds.get(`${SYNC}.getBlob`, { did: TEST_DID, cid }, {
    method: "HEAD",
  });
  assert.equal(head.headers.get("content-length"), "25");
  const { cids } = await pds.json(`${SYNC}.listBlobs`, { did: TEST_DID });
  assert.deepEqual(cids, [cid]);
  const layer = await pds.get(`${SYNC}.getBlob`, {
    did: "did:plc:somebody",
    cid: "sha256:abc",
  });
  assert.equal(await layer.text(), "sha256:abc");

  const profile = await pds.json("app.bsky.actor.getProfile", {
    actor: HANDLE,
  });
  assert.equal(profile.displayName, "Hold");
  assert.equal(
    new URL(profile.avatar).searchParams.get("cid"),
    cid,
  );
  const { profiles } = await pds.json("app.bsky.actor.getProfiles", {
    actors: [TEST_DID, "somebody.example.com"],
  });
  assert.equal(profiles.length, 1);
  pds.kv.close();
});

Deno.test("mirrors get the repo, proofs, blocks and its state", async () => {
  const pds = await openPds();
  const did = TEST_DID;
  for (let i = 0; i < 5; i++) {
    await pds.repo.apply([
      { action: "create", collection: NOTE, rkey: `k${i}`, value: { i } },
    ]);
  }
  const { cid, rev, data } = await pds.repo.head();
  const key = pds.signer.didKey;
  const whole = await pds.get(`${SYNC}.getRepo`, { did });
  assert.equal(whole.headers.get("content-type"), "application/vnd.ipld.car");
  const { creates } = await verifyRepoCar(await whole.bytes(), did, key);
  assert.equal(creates.length, 5);
  const since = await pds.get(`${SYNC}.getRepo`, { did, since: rev });
  assert.equal([...fromUint8Array(await since.bytes())].length, 1);
  const absent = await pds.get(`${SYNC}.getRecord`, {
    did,
    collection: NOTE,
    rkey: "none",
  });
  const claim = { collection: NOTE, rkey: "none", cid: null };
  const { verified } = await verifyProofs(
    await absent.bytes(),
    [claim],
    did,
    key,
  );
  assert.equal(verified.length, 1);
  const blocks = await pds.get(`${SYNC}.getBlocks`, { did, cids: [cid, data] });
  assert.equal([...fromUint8Array(await blocks.bytes())].length, 2);
  await refused(
    pds.get(`${SYNC}.getBlocks`, { did, cids: [cid.slice(0, -4) + "aaaa"] }),
    400,
    "BlockNotFound",
  );
  assert.deepEqual(await pds.json(`${SYNC}.getLatestCommit`, { did }), {
    cid,
    rev,
  });
  assert.deepEqual(await pds.json(`${SYNC}.getRepoStatus`, { did }), {
    did,
    active: true,
    rev,
  });
  const { repos } = await pds.json(`${SYNC}.listRepos`);
  assert.deepEqual(repos, [{ did, head: cid, rev, active: true }]);
  assert.deepEqual(await pds.json(`${SYNC}.listRepos`, { cursor: "x" }), {
    repos: [],
  });
  pds.kv.close();
});

Deno.test("a deactivated account is told to be so, and its repo is not served", async () => {
  const pds = await openPds();
  const did = TEST_DID;
  const place = { collection: NOTE, rkey: "a" };
  await pds.repo.apply([{ action: "create", ...place, value: { n: 1 } }]);
  const { cid } = await pds.repo.head();
  await pds.repo.setActive(false);
  const off = { did, active: false, status: "deactivated" };
  assert.deepEqual(await pds.json(`${SYNC}.getRepoStatus`, { did }), off);
  const { repos: [listed] } = await pds.json(`${SYNC}.listRepos`);
  assert.equal(listed.active, false);
  assert.equal(listed.status, "deactivated");
  const reads: [string, Record<string, string>][] = [
    [`${SYNC}.getRepo`, { did }],
    [`${SYNC}.getRecord`, { did, ...place }],
    [`${SYNC}.getBlocks`, { did, cids: cid }],
    [`${SYNC}.getLatestCommit`, { did }],
    [`${SYNC}.listBlobs`, { did }],
    [`${SYNC}.getBlob`, { did, cid }],
    [`${REPO}.describeRepo`, { repo: did }],
    [`${REPO}.getRecord`, { repo: did, ...place }],
    [`${REPO}.listRecords`, { repo: did, collection: NOTE }],
  ];
  for (const [nsid, params] of reads) {
    await refused(pds.get(nsid, params), 400, "RepoDeactivated");
  }
  await refused(
    pds.post(`${REPO}.putRecord`, { repo: did, ...place, record: { n: 2 } }),
    400,
    "RepoDeactivated",
  );
  await pds.repo.setActive(true);
  for (const [nsid, params] of reads) {
    if (nsid === `${SYNC}.getBlob`) continue;
    const response = await pds.get(nsid, params);
    await response.body?.cancel();
    assert.equal(response.status, 200, nsid);
  }
  pds.kv.close();
});

Deno.test("repos of others, bad parameters and unknown methods are told apart", async () => {
  const pds = await openPds();
  const other = { did: "did:web:other.example.com" };
  for (
    const [name, more] of Object.entries({
      getRepo: {},
      getRecord: { collection: NOTE, rkey: "a" },
      getBlocks: { cids: "x" },
      getLatestCommit: {},
      getRepoStatus: {},
      listBlobs: {},
      getBlob: { cid: "bafy" },
    })
  ) {
    const nsid = `${SYNC}.${name}`;
    await refused(pds.get(nsid, { ...other, ...more }), 400, "RepoNotFound");
    await refused(pds.get(nsid, {}), 400, "InvalidRequest");
  }
  const did = TEST_DID;
  await refused(
    pds.get(`${SYNC}.getRepo`, { did, since: "x" }),
    400,
    "InvalidRequest",
  );
  await refused(
    pds.get(`${SYNC}.getBlob`, { did, cid: "x" }),
    400,
    "InvalidRequest",
  );
  await refused(
    pds.get(`${SYNC}.listRepos`, { limit: "0" }),
    400,
    "InvalidRequest",
  );
  await refused(pds.get(`${SYNC}.subscribeRepos`), 400, "InvalidRequest");
  await refused(
    pds.get(`${SYNC}.subscribeRepos`, { cursor: "-1" }),
    400,
    "InvalidRequest",
  );
  await refused(pds.get(`${SYNC}.requestCrawl`), 501, "MethodNotImplemented");
  await refused(
    pds.post("com.example.unknown", {}),
    501,
    "MethodNotImplemented",
  );
  pds.kv.close();
});

Deno.test("the server describes itself and resolves its own handle", async () => {
  const pds = await openPds();
  const server = await pds.json("com.atproto.server.describeServer");
  assert.equal(server.did, TEST_DID);
  assert.deepEqual(await (await pds.get("_health")).json(), {
    version: "1.2.3",
  });
  const nsid = "com.atproto.identity.resolveHandle";
  assert.deepEqual(await pds.json(nsid, { handle: HANDLE.toUpperCase() }), {
    did: TEST_DID,
  });
  await refused(
    pds.get(nsid, { handle: "x.example.com" }),
    400,
    "HandleNotFound",
  );
  await refused(
    pds.get("app.bsky.actor.getProfile", { actor: "x.example.com" }),
    400,
    "InvalidRequest",
  );
  pds.kv.close();
});

Deno.test("a hold without a handle is not found under the name of the invalid one", async () => {
  const pds = await openPds("handle.invalid");
  const handle = "handle.invalid";
  await refused(
    pds.get("com.atproto.identity.resolveHandle", { handle }),
    400,
    "HandleNotFound",
  );
  await refused(
    pds.get(`${REPO}.describeRepo`, { repo: handle }),
    400,
    "RepoNotFound",
  );
  const described = await pds.json(`${REPO}.describeRepo`, { repo: TEST_DID });
  assert.equal(described.handle, handle);
  pds.kv.close();
});
