import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { ALICE, BOB, bodyOf, CAPTAIN, noise } from "./testing.ts";
import { imageOf, openServices } from "./testing_services.ts";

const TIERS = {
  tiers: [{ name: "deckhand", quota: 1000 }, { name: "bosun", quota: 5000 }],
  defaultTier: "deckhand",
};
const exceeded = (error: unknown) => isAppError(error, "QUOTA_EXCEEDED");

Deno.test("a layer counts once for each person, however many images need it", async () => {
  await using hold = await openServices(TIERS);
  const shared = await hold.push(ALICE, noise(600));
  for (const name of ["a", "b"]) {
    for (const who of [ALICE, BOB]) {
      await hold.notify.push(who, imageOf(who, [shared], { name }));
    }
  }
  for (const who of [ALICE, BOB]) {
    assert.deepEqual(await hold.quota.report(who), {
      userDid: who,
      uniqueBlobs: 1,
      totalSize: 600,
      limit: 1000,
      tier: "deckhand",
    });
  }
});

Deno.test("what goes beyond the quota is refused at the start, on the way and at the manifest", async () => {
  await using hold = await openServices(TIERS);
  const first = await hold.push(ALICE, noise(600));
  await hold.notify.push(ALICE, imageOf(ALICE, [first]));
  await assert.rejects(
    hold.uploads.initiate(ALICE, { size: 401 }),
    exceeded,
  );
  const upload = await hold.uploads.initiate(ALICE);
  await assert.rejects(
    hold.uploads.append(upload, 0, bodyOf(noise(401))),
    exceeded,
  );
  // Two layers that fit one by one, but not together.
  const layers = [
    await hold.push(ALICE, noise(300, 2)),
    await hold.push(ALICE, noise(300, 3)),
  ];
  const head = await hold.records.head();
  await assert.rejects(
    hold.notify.push(ALICE, imageOf(ALICE, layers)),
    exceeded,
  );
  assert.deepEqual(await hold.records.head(), head);
  await hold.notify.push(ALICE, imageOf(ALICE, layers.slice(0, 1)));
});

Deno.test("what one has already may be pushed again with a full quota", async () => {
  await using hold = await openServices(TIERS);
  const layer = await hold.push(ALICE, noise(1000));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { name: "one" }));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { name: "two" }));
  assert.equal(await hold.quota.remaining(ALICE), 0);
});

Deno.test("the tier is that of the crew record, the captain has no limit", async () => {
  await using hold = await openServices(TIERS);
  await hold.crew.request(ALICE);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  await hold.crew.setTier(ALICE, hold.quota.tierAt(1).name);
  assert.equal(await hold.quota.remaining(ALICE), 5000);
  await hold.crew.setTier(ALICE, "no such tier");
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  assert.equal(await hold.quota.remaining(CAPTAIN), undefined);
  assert.equal((await hold.quota.report(CAPTAIN)).limit, undefined);
  await assert.rejects(
    hold.crew.setTier(BOB, "bosun"),
    (error) => isAppError(error) && error.xrpcName === "UserNotFound",
  );
  assert.throws(() => hold.quota.tierAt(2), /2 tiers/);
});

Deno.test("without tiers nobody is limited", async () => {
  await using hold = await openServices();
  assert.equal(await hold.quota.remaining(ALICE), undefined);
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 0,
    totalSize: 0,
  });
});
