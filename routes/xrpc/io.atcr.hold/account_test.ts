import assert from "node:assert/strict";
import type { Did } from "../../../lib/did.ts";
import { ALICE, BOB, CAPTAIN, HOLD, noise } from "../../../lib/hold/testing.ts";
import { imageOf } from "../../../lib/hold/testing_services.ts";
import { COLLECTIONS } from "../../../lib/hold/records.ts";
import { openServer, REGISTRY } from "../testing_hold.ts";

/** The input of a push event. */
function eventInput(...args: Parameters<typeof imageOf>) {
  const { owner, digest, tag, repository, manifest } = imageOf(...args);
  return {
    userDid: owner,
    manifestDigest: digest,
    repository,
    manifest,
    ...(tag === undefined ? {} : { tag }),
  };
}

Deno.test("an account joins the crew once, if the hold has allowAllCrew", async () => {
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

Deno.test("a push is reported over XRPC and its layers are found by the manifest", async () => {
  await using server = await openServer({
    allowAllCrew: true,
    enableBlueskyPosts: true,
  });
  const layer = await server.push(ALICE, noise(100));
  const input = eventInput(ALICE, [layer], { tag: "v1" });
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

Deno.test("lists of layers return to anonymous callers what the repo of the hold has, and nothing else", async () => {
  for (const layerRecordsEnabled of [true, false]) {
    await using server = await openServer(
      { allowAllCrew: true, public: false },
      { layerRecordsEnabled },
    );
    const layer = await server.push(ALICE, noise(100));
    await server.call(ALICE, "notifyManifest", eventInput(ALICE, [layer]));
    const records = await server.all("layer");
    assert.equal(records.length, layerRecordsEnabled ? 1 : 0);
    const queries = [{}, { userDid: ALICE }, { repository: "myapp" }];
    for (const query of queries) {
      const { status, body } = await server.ask(undefined, "listLayers", query);
      assert.equal(status, 200);
      assert.deepEqual(body, { layers: records.map(({ value }) => value) });
    }
  }
});

Deno.test("the push event of an early registry is accepted", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const layer = await server.push(ALICE, noise(100));
  const { manifestDigest: _, ...input } = eventInput(ALICE, [layer], {
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

Deno.test("a push event with undeclared members is accepted without them", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const layer = await server.push(ALICE, noise(100));
  const { manifest, ...input } = eventInput(ALICE, [layer]);
  const odd = { annotations: { a: "b" }, urls: ["https://mirror.test"] };
  const { body } = await server.call(ALICE, "notifyManifest", {
    ...input,
    ...odd,
    tag: "",
    manifest: {
      ...manifest,
      ...odd,
      layers: manifest.layers.map((one) => ({ ...one, ...odd })),
    },
  });
  assert.equal(body.layersCreated, 1);
  const [record] = await server.all("layer");
  assert.ok(!JSON.stringify(record).includes("mirror.test"));
});

Deno.test("a pull reported by any reader is counted, for known repositories only", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const input = eventInput(ALICE, []);
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

Deno.test("events with a wrong user, operation, size or form are refused", async () => {
  await using server = await openServer({ allowAllCrew: true }, {
    tiers: [{ name: "deckhand", quota: 50 }, { name: "bosun", quota: 500 }],
    defaultTier: "deckhand",
  });
  await server.crew.request(ALICE);
  await server.crew.setTier(ALICE, "bosun");
  const layer = await server.push(ALICE, noise(100));
  await server.crew.setTier(ALICE, "deckhand");
  const input = eventInput(ALICE, [layer]);
  const cases: [Did, unknown, string][] = [
    [BOB, input, "UserMismatch"],
    [ALICE, { ...input, operation: "delete" }, "InvalidOperation"],
    [ALICE, input, "QuotaExceeded"],
    [ALICE, { ...input, manifestDigest: "sha256:x" }, "InvalidRequest"],
    [ALICE, { ...input, manifestDigest: undefined }, "InvalidRequest"],
    [ALICE, { ...input, userDid: "alice" }, "InvalidRequest"],
    [ALICE, { ...input, manifest: { layers: "x" } }, "InvalidRequest"],
    [ALICE, { ...input, repository: "x".repeat(257) }, "InvalidRequest"],
    [ALICE, { ...input, repository: "app\nfor @everybody" }, "InvalidRequest"],
    [ALICE, { ...input, repository: "../app" }, "InvalidRequest"],
    [ALICE, { ...input, tag: "v1 🚀" }, "InvalidRequest"],
  ];
  for (const [did, body, error] of cases) {
    const answer = await server.call(did, "notifyManifest", body);
    assert.equal(answer.body.error, error);
    assert.ok(answer.status >= 400 && answer.status < 500);
  }
  assert.deepEqual(await server.all("layer"), []);
});

Deno.test("a quota is returned, and tiers are set by admins and trusted registries", async () => {
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

Deno.test("only the captain changes the captain's tier", async () => {
  await using server = await openServer({}, {
    tiers: [{ name: "deckhand", quota: 50 }],
  });
  const admin = { role: "admin", permissions: ["crew:admin"] };
  await server.crew.put(BOB, admin);
  const input = { userDid: CAPTAIN, tierRank: 0 };
  const before = await server.crew.find(CAPTAIN);
  const { status } = await server.call(BOB, "updateCrewTier", input);
  assert.equal(status, 403);
  assert.deepEqual(await server.crew.find(CAPTAIN), before);
  const own = await server.call(CAPTAIN, "updateCrewTier", input);
  assert.deepEqual(own.body, { tierName: "deckhand" });
});

Deno.test("an account can export and delete its data", async () => {
  await using server = await openServer({
    allowAllCrew: true,
    enableBlueskyPosts: true,
  });
  for (const who of [ALICE, BOB]) {
    await server.crew.request(who);
    const layer = await server.push(who, noise(100));
    await server.notify.push(who, imageOf(who, [layer], { tag: "v1" }));
    // An index has no layers.
    await server.notify.push(who, imageOf(who, [], { name: "index" }));
    await server.records.apply([{
      action: "create",
      collection: COLLECTIONS.scan,
      rkey: who.slice("did:plc:".length),
      value: {
        manifest: `at://${who}/io.atcr.manifest/abc`,
        repository: "myapp",
        userDid: who,
        critical: 0,
        high: 0,
        medium: 0,
        low: 1,
        total: 1,
        scannerVersion: "scanner-1",
        scannedAt: "2026-11-01T00:00:00Z",
      },
    }]);
  }
  const { body } = await server.ask(ALICE, "exportUserData");
  assert.equal(body.userDid, ALICE);
  assert.equal(body.holdDid, HOLD);
  assert.equal(body.isCaptain, false);
  assert.equal(body.crewRecord.role, "member");
  assert.equal(body.layerRecords.length, 1);
  assert.equal(body.layerRecords[0].size, 100);
  assert.equal(body.statsRecords[0].pushCount, 2);
  assert.match(body.blueskyPosts[0].text, /@alice\.test/);
  const gone = await server.call(ALICE, "deleteUserData", {});
  assert.deepEqual(gone.body, {
    success: true,
    crewDeleted: true,
    layersDeleted: 1,
    statsDeleted: 1,
  });
  for (const collection of ["layer", "stats", "post", "scan"] as const) {
    const left = await server.all(collection);
    assert.equal(left.length, 1, collection);
    assert.ok(!JSON.stringify(left).includes(ALICE));
  }
  assert.deepEqual(await Array.fromAsync(server.layers.owners()), [BOB]);
  const prefix = ["hold", "last_post"];
  const posted = await Array.fromAsync(server.kv.list({ prefix }));
  assert.deepEqual(posted.map(({ key }) => key[2]), [BOB]);
  // An account that returns starts again.
  await server.crew.request(ALICE);
  await server.notify.push(ALICE, imageOf(ALICE, [], { name: "index" }));
  assert.equal(
    (await server.stats.get({ owner: ALICE, repository: "myapp" }))?.pushCount,
    1,
  );
  await server.call(ALICE, "deleteUserData", {});
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

Deno.test("an account that an admin has limited stays limited when it deletes its data", async () => {
  await using server = await openServer({ allowAllCrew: true }, {
    tiers: [{ name: "deckhand", quota: 50 }, { name: "bosun", quota: 500 }],
    defaultTier: "bosun",
  });
  const erase = async (did: Did) =>
    (await server.call(did, "deleteUserData", {})).body.crewDeleted;
  await server.crew.put(ALICE, { role: "member", permissions: ["blob:read"] });
  assert.equal(await erase(ALICE), false);
  assert.equal((await server.access.write(ALICE)).allowed, false);
  await server.crew.request(BOB);
  await server.crew.setTier(BOB, "deckhand");
  assert.equal(await erase(BOB), false);
  assert.equal((await server.quota.report(BOB)).tier, "deckhand");
  await server.crew.setTier(BOB, "bosun");
  assert.equal(await erase(BOB), true);
  // Where accounts join by invitation, the record gives and does not limit.
  await using closed = await openServer();
  await closed.crew.put(ALICE, { role: "member", permissions: ["blob:read"] });
  const { body } = await closed.call(ALICE, "deleteUserData", {});
  assert.equal(body.crewDeleted, true);
});

Deno.test("a few exports wait for each other, and more are sent away", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => server.ask(BOB, "exportUserData")),
  );
  const served = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 503);
  assert.equal(served.length, 16);
  assert.equal(refused.length, 24);
  assert.equal((await server.ask(BOB, "exportUserData")).status, 200);
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
