import assert from "node:assert/strict";
import { TEST_DID } from "../../tests/support/repo.ts";
import {
  HANDLE,
  NOTE,
  openPds,
  OTHER_CID,
  refused,
  REPO,
  SYNC,
} from "./testing_pds.ts";

Deno.test("repos of others, bad parameters and unknown methods return different errors", async () => {
  const pds = await openPds();
  const other = { did: "did:web:other.example.com" };
  for (
    const [name, more] of Object.entries({
      getRepo: {},
      getRecord: { collection: NOTE, rkey: "a" },
      getBlocks: { cids: OTHER_CID },
      getLatestCommit: {},
      getRepoStatus: {},
      listBlobs: {},
      getBlob: { cid: OTHER_CID },
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

Deno.test("the repo is found by its DID in any spelling of the host", async () => {
  const pds = await openPds();
  const did = TEST_DID.replace("example", "EXAMPLE");
  await pds.json(`${SYNC}.getLatestCommit`, { did });
});
