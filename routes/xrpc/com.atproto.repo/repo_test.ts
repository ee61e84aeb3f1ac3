import assert from "node:assert/strict";
import { TEST_DID } from "../../../tests/support/repo.ts";
import {
  HANDLE,
  NOTE,
  openPds,
  OTHER_CID,
  refused,
  REPO,
  SYNC,
} from "../testing_pds.ts";

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

Deno.test("only captain and crew admins may write, and each method checks it", async () => {
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

Deno.test("invalid writes are refused and change nothing", async () => {
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
  await refused(create({ record: [] }), 400, "InvalidRequest");
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

Deno.test("an invalid record of Bluesky is refused by every method", async () => {
  const pds = await openPds();
  const { cid, ...before } = await pds.repo.head();
  const collection = "app.bsky.feed.post";
  const wrong = { $type: collection, text: "no date" };
  const right = { ...wrong, createdAt: "2026-01-01T00:00:00.000Z" };
  const rkey = "3jzfcijpj2z2a";
  const methods: [string, (record: object) => object][] = [
    ["createRecord", (record) => ({ collection, record })],
    ["putRecord", (record) => ({ collection, rkey, record })],
    ["applyWrites", (value) => ({
      writes: [
        {
          $type: `${REPO}.applyWrites#create`,
          collection: NOTE,
          value: { text: "fine" },
        },
        { $type: `${REPO}.applyWrites#create`, collection, value },
      ],
    })],
    ["applyWrites", (value) => ({
      writes: [
        { $type: `${REPO}.applyWrites#update`, collection, rkey, value },
      ],
    })],
  ];
  for (const validate of [undefined, false, true]) {
    for (const [name, input] of methods) {
      const body = { repo: TEST_DID, validate, ...input(wrong) };
      const response = pds.post(`${REPO}.${name}`, body);
      const { message } = await (await response).clone().json();
      assert.match(message, /not a valid app\.bsky\.feed\.post.*createdAt/);
      await refused(response, 400, "InvalidRecord");
    }
  }
  assert.deepEqual(await pds.repo.head(), { cid, ...before });
  for (const [name, input] of methods) {
    await pds.call(`${REPO}.${name}`, { repo: TEST_DID, ...input(right) });
  }
  pds.kv.close();
});

Deno.test("a blob is uploaded, used by a record, listed and served safely", async () => {
  const pds = await openPds();
  const upload = async (type: string, body: string) => {
    const headers = { "content-type": type, authorization: "Bearer captain" };
    const response = await pds.app.request(`/xrpc/${REPO}.uploadBlob`, {
      method: "POST",
      headers,
      body,
    });
    return (await response.json()).blob;
  };
  const blob = await upload(
    "text/html; charset=utf-8",
    "<script>alert(1)</script>",
  );
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
    collection: NOTE,
    rkey: "self",
    record: { file: blob },
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
    did: "did:plc:somebodysomebodysomebody",
    cid: "sha256:abc",
  });
  assert.equal(await layer.text(), "sha256:abc");
  await refused(
    pds.get(`${SYNC}.getBlob`, { cid: "sha256:abc" }),
    400,
    "InvalidRequest",
  );

  const avatar = await upload("image/png", "a picture");
  await pds.call(`${REPO}.putRecord`, {
    repo: TEST_DID,
    collection: "app.bsky.actor.profile",
    rkey: "self",
    record: { displayName: "Hold", avatar },
  });
  const profile = await pds.json("app.bsky.actor.getProfile", {
    actor: HANDLE,
  });
  assert.equal(profile.displayName, "Hold");
  assert.equal(
    new URL(profile.avatar).searchParams.get("cid"),
    avatar.ref.$link,
  );
  const { profiles } = await pds.json("app.bsky.actor.getProfiles", {
    actors: [TEST_DID, "somebody.example.com"],
  });
  assert.equal(profiles.length, 1);
  pds.kv.close();
});
