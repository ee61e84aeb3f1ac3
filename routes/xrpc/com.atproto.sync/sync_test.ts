import assert from "node:assert/strict";
import { fromUint8Array } from "@atcute/car";
import { verifyProofs, verifyRepoCar } from "@atproto/repo";
import { TEST_DID } from "../../../tests/support/repo.ts";
import { NOTE, openPds, refused, REPO, SYNC } from "../testing_pds.ts";

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

Deno.test("a deactivated account is reported as such, and its repo is not served", async () => {
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
