import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import { ALICE, BOB, bodyOf, CAPTAIN, code, noise, WRONG } from "../testing.ts";
import {
  collect,
  imageOf,
  openServices,
  TestRepos,
  TIERS,
} from "../testing_services.ts";

const DAY = 24 * 3_600_000;
const exceeded = code("QUOTA_EXCEEDED");

Deno.test("a layer counts once for each user, however many images need it", async () => {
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

Deno.test("uploads beyond the quota are refused at the start, during the upload and at the manifest", async () => {
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
    (error) =>
      exceeded(error) && /600 of 1000 bytes .* 401 more/.test(String(error)),
  );
  // A layer of another user, which needs no upload but counts in full.
  const other = await hold.push(BOB, noise(401, 2));
  const image = imageOf(ALICE, [first, other]);
  const head = await hold.records.head();
  await assert.rejects(hold.notify.admit(image), exceeded);
  await assert.rejects(hold.notify.push(ALICE, image), exceeded);
  assert.deepEqual(await hold.records.head(), head);
  assert.equal(await hold.quota.remaining(ALICE), 400);
});

Deno.test("blobs without a manifest, configs and several layers count from their upload on", async () => {
  await using hold = await openServices(TIERS);
  const layers = [
    await hold.push(ALICE, noise(300, 1)),
    await hold.push(ALICE, noise(300, 2)),
  ];
  const config = await hold.push(ALICE, noise(300, 3));
  const stored = { uniqueBlobs: 3, totalSize: 900 };
  const report = async () => {
    const { uniqueBlobs, totalSize } = await hold.quota.report(ALICE);
    return { uniqueBlobs, totalSize };
  };
  assert.deepEqual(await report(), stored);
  await assert.rejects(hold.push(ALICE, noise(101, 4)), exceeded);
  const image = imageOf(ALICE, layers, { config });
  await hold.notify.admit(image);
  await hold.notify.push(ALICE, image);
  assert.deepEqual(await report(), stored);
  // The config is a part of two images, and is freed by the last of them.
  const second = imageOf(ALICE, [], { config, name: "second" });
  await hold.notify.push(ALICE, second);
  assert.ok(image.digest && second.digest);
  await hold.layerRecords.manifestDeleted(ALICE, image.digest);
  assert.deepEqual(await report(), { uniqueBlobs: 1, totalSize: 300 });
  await hold.layerRecords.manifestDeleted(ALICE, second.digest);
  assert.deepEqual(await report(), { uniqueBlobs: 0, totalSize: 0 });
});

Deno.test("blobs without a manifest count until they are deleted or collected", async () => {
  await using hold = await openServices(TIERS);
  const digest = await hold.push(ALICE, noise(900));
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
  assert.equal(await hold.quota.remaining(ALICE), 100);
  await assert.rejects(hold.push(ALICE, noise(101, 2)), exceeded);
  await hold.quota.ledger.released(ALICE, [digest]);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  // Pushed again it counts again.
  await hold.push(ALICE, noise(900));
  assert.equal(await hold.quota.remaining(ALICE), 100);
  await collect(hold);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
});

Deno.test("pushing and deleting in turns stores at most twice the quota", async () => {
  await using hold = await openServices(TIERS);
  const digests: Digest[] = [];
  for (const seed of [1, 2]) {
    digests.push(await hold.push(ALICE, noise(900, seed)));
    await hold.quota.ledger.released(ALICE, digests);
  }
  assert.equal(await hold.quota.remaining(ALICE), 200);
  await assert.rejects(hold.push(ALICE, noise(900, 3)), exceeded);
  const image = imageOf(ALICE, digests);
  await assert.rejects(hold.notify.admit(image), exceeded);
  // What is stored already does not count twice.
  await hold.notify.admit(imageOf(ALICE, digests.slice(0, 1)));
  assert.equal(await hold.quota.remaining(ALICE), 100);
  await hold.quota.ledger.released(ALICE, digests);
  await collect(hold);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  await hold.push(ALICE, noise(900, 3));
});

Deno.test("the charge of a deleted image passes to the account whose image needs its bytes", async () => {
  await using hold = await openServices(TIERS);
  const layer = await hold.push(ALICE, noise(400));
  const [alices, bobs] = [imageOf(ALICE, [layer]), imageOf(BOB, [layer])];
  await hold.notify.push(ALICE, alices);
  await hold.notify.push(BOB, bobs);
  assert.ok(alices.digest && bobs.digest);
  await hold.layerRecords.manifestDeleted(ALICE, alices.digest);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  assert.equal(await hold.quota.remaining(BOB), 600);
  await hold.layerRecords.manifestDeleted(BOB, bobs.digest);
  assert.equal(await hold.quota.remaining(BOB), 1000);
});

Deno.test("an image that named a blob before it was stored pays for it if it has room", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const [small, large] = [noise(300, 1), noise(900, 2)];
  for (const bytes of [small, large]) {
    const image = imageOf(BOB, [digestOf(bytes)]);
    source.add(image);
    await hold.notify.push(BOB, image);
  }
  await hold.push(ALICE, small);
  assert.equal(await hold.quota.remaining(ALICE), 700);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  assert.equal(await hold.quota.remaining(BOB), 700);
  // Bob has no room for this one.
  await hold.push(ALICE, large);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.equal(await hold.quota.remaining(ALICE), 100);
  assert.equal(await hold.quota.remaining(BOB), 700);
});

Deno.test("records put back after a deletion pass the quota like a push", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const shared = await hold.push(BOB, noise(900, 1));
  const bobs = imageOf(BOB, [shared]);
  await hold.notify.push(BOB, bobs);
  const image = imageOf(ALICE, [shared], { name: "alice's" });
  for (const event of [bobs, image]) source.add(event, hold.records.did);
  const deletions = [
    () => hold.layerRecords.manifestDeleted(ALICE, image.digest ?? WRONG),
    () => hold.userData.delete(ALICE),
  ];
  await hold.notify.push(ALICE, image);
  for (const [i, remove] of deletions.entries()) {
    assert.equal(await hold.quota.remaining(ALICE), 100);
    await remove();
    assert.equal(await hold.quota.remaining(ALICE), 1000);
    const other = await hold.push(ALICE, noise(800, 2 + i));
    await hold.crew.ensure(ALICE);
    await hold.gc.run();
    assert.equal(await hold.quota.remaining(ALICE), 200);
    const owned = await Array.fromAsync(hold.layers.ofUser(ALICE));
    assert.deepEqual(owned, []);
    // With room again, they are recorded.
    hold.clock.advance(2 * DAY);
    await hold.gc.run();
    assert.equal((await hold.rows.find(other))?.state, "quarantined");
    await collect(hold);
    await hold.gc.run();
  }
  assert.equal(await hold.quota.remaining(ALICE), 100);
});

Deno.test("blobs stored before accounts existed are counted, each once", async () => {
  await using hold = await openServices(TIERS);
  const layers = [await hold.push(ALICE, noise(200, 1))];
  const config = await hold.push(ALICE, noise(50, 2));
  for (const name of ["a", "b"]) {
    await hold.notify.push(ALICE, imageOf(ALICE, layers, { name, config }));
  }
  const expected = await hold.quota.report(ALICE);
  assert.equal(expected.totalSize, 250);
  const forget = async () => {
    for await (const { key } of hold.kv.list({ prefix: ["hold"] })) {
      const kind = String(key[1]);
      if (kind === "account" || kind === "charge") await hold.kv.delete(key);
    }
  };
  await forget();
  const reports = await Promise.all(
    [hold.quota, hold.instance(), hold.instance()].map((quota) =>
      quota.report(ALICE)
    ),
  );
  for (const report of reports) assert.deepEqual(report, expected);
  await forget();
  await assert.rejects(
    hold.uploads.initiate(ALICE, { size: 751 }),
    exceeded,
  );
  await forget();
  await hold.notify.push(ALICE, imageOf(ALICE, layers, { name: "c" }));
  assert.deepEqual(await hold.quota.report(ALICE), expected);
  // An instance that died while counting.
  await forget();
  await hold.kv.set(holdKeys.account(ALICE), {
    counted: false,
    blobs: 1,
    bytes: 200,
    reservations: {},
  });
  await hold.kv.set(holdKeys.charge(ALICE, layers[0] ?? WRONG), {
    size: 200,
    since: 0,
  });
  assert.deepEqual(await hold.quota.report(ALICE), expected);
});

Deno.test("a manifest of many layers is admitted completely or not at all", async () => {
  await using hold = await openServices(TIERS);
  const layers: Digest[] = [];
  for (let i = 0; i < 100; i++) {
    const digest = digestOf(noise(11, i + 1));
    await hold.rows.publish(digest, 11, 0, () => Promise.resolve());
    layers.push(digest);
  }
  await assert.rejects(hold.notify.admit(imageOf(ALICE, layers)), exceeded);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
  // Two of 990 bytes each at the same time.
  const halves = [layers.slice(0, 90), layers.slice(10)];
  const outcomes = await Promise.allSettled(
    halves.map((half, i) =>
      hold.notify.admit(imageOf(ALICE, half, { name: `half ${i}` }))
    ),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status).toSorted(),
    ["fulfilled", "rejected"],
  );
  assert.deepEqual(await hold.quota.remaining(ALICE), 10);
});

Deno.test("blobs charged already may be pushed again with a full quota", async () => {
  await using hold = await openServices(TIERS);
  const layer = await hold.push(ALICE, noise(1000));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { name: "one" }));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { name: "two" }));
  assert.equal(await hold.quota.remaining(ALICE), 0);
});

Deno.test("the tier comes from the crew record, the captain has no limit", async () => {
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

Deno.test("without tiers there is no limit", async () => {
  await using hold = await openServices();
  assert.equal(await hold.quota.remaining(ALICE), undefined);
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 0,
    totalSize: 0,
  });
});
