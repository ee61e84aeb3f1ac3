import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { ALICE, BOB, noise } from "../testing.ts";
import { imageOf, openServices } from "../testing_services.ts";

Deno.test("a push writes its layer records and counts in one commit", async () => {
  await using hold = await openServices();
  const layers = [
    await hold.push(ALICE, noise(100)),
    await hold.push(ALICE, noise(200)),
  ];
  const before = (await hold.records.head()).rev;
  const event = imageOf(ALICE, [...layers, ...layers], { tag: "v1" });
  const seq = await hold.records.apply([]);
  const outcome = await hold.notify.push(ALICE, event);
  assert.deepEqual(outcome, {
    layersCreated: 2,
    statsUpdated: true,
    postUri: undefined,
  });
  assert.notEqual((await hold.records.head()).rev, before);
  assert.equal((await hold.records.apply([])).seq, seq.seq + 1);
  const records = await hold.all("layer");
  assert.deepEqual(
    records.map(({ value }) => [value["digest"], value["size"]]).sort(),
    [[layers[0], 100], [layers[1], 200]].sort(),
  );
  const uri = manifestUri(
    ALICE,
    event.digest ?? layers[0] ?? digestOf(noise(1)),
  );
  for (const { value } of records) {
    assert.equal(value["manifest"], uri);
    assert.equal(value["userDid"], ALICE);
  }
  const stats = await hold.stats.get(event);
  assert.equal(stats?.pushCount, 1);
  assert.equal(stats.pullCount, 0);
  assert.equal(stats.lastPush, new Date(hold.clock.now()).toISOString());
  assert.deepEqual(hold.counts, { push: 1, layers: 2 });
  assert.deepEqual(
    (await hold.layerRecords.ofManifest(uri)).map(({ rkey }) => rkey).sort(),
    records.map(({ rkey }) => rkey).sort(),
  );
});

Deno.test("the same event repeated changes nothing", async () => {
  await using hold = await openServices();
  const event = imageOf(ALICE, [await hold.push(ALICE, noise(1))], {
    tag: "v1",
  });
  const first = await hold.notify.push(ALICE, event);
  const head = await hold.records.head();
  const [second, third] = await Promise.all([
    hold.notify.push(ALICE, event),
    hold.notify.push(ALICE, event),
  ]);
  assert.deepEqual(second, first);
  assert.deepEqual(third, first);
  assert.deepEqual(await hold.records.head(), head);
});

Deno.test("another tag of the same manifest counts a push but adds no layers", async () => {
  await using hold = await openServices();
  const layers = [await hold.push(ALICE, noise(1))];
  await hold.notify.push(ALICE, imageOf(ALICE, layers, { tag: "v1" }));
  const again = await hold.notify.push(
    ALICE,
    imageOf(ALICE, layers, { tag: "v2" }),
  );
  assert.equal(again.layersCreated, 0);
  assert.equal((await hold.all("layer")).length, 1);
  const stats = await hold.stats.get({ owner: ALICE, repository: "myapp" });
  assert.equal(stats?.pushCount, 2);
});

Deno.test("many pushes at once are all counted", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(1));
  await Promise.all(
    Array.from(
      { length: 20 },
      (_, i) =>
        hold.notify.push(ALICE, imageOf(ALICE, [layer], { name: `m${i}` })),
    ),
  );
  const stats = await hold.stats.get({ owner: ALICE, repository: "myapp" });
  assert.equal(stats?.pushCount, 20);
  assert.equal((await hold.all("layer")).length, 20);
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 1,
    totalSize: 1,
  });
});

Deno.test("layers not in the hold are not recorded, sizes are the actual ones", async () => {
  await using hold = await openServices();
  const here = await hold.push(ALICE, noise(500));
  const event = imageOf(ALICE, [here, digestOf(noise(7))]);
  const { layersCreated } = await hold.notify.push(ALICE, event);
  assert.equal(layersCreated, 1);
  assert.equal((await hold.all("layer"))[0]?.value["size"], 500);
});

Deno.test("a push of a quarantined blob restores it", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(500));
  const config = await hold.push(ALICE, noise(50));
  await hold.rows.quarantine(layer, "Unneeded.");
  await hold.rows.quarantine(config, "Unneeded.");
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { config }));
  assert.deepEqual(await hold.blobs.stat(layer), { size: 500 });
  assert.deepEqual(await hold.blobs.stat(config), { size: 50 });
});

Deno.test("only the owner may report a push, and only if allowed to push here", async () => {
  await using hold = await openServices({ settings: { allowAllCrew: false } });
  const event = imageOf(ALICE, []);
  await assert.rejects(
    hold.notify.push(BOB, event),
    (error) => isAppError(error, "DENIED") && error.xrpcName === "UserMismatch",
  );
  await assert.rejects(
    hold.notify.push(ALICE, event),
    (error) => isAppError(error, "DENIED") && error.xrpcName === "Forbidden",
  );
  assert.deepEqual(await hold.all("stats"), []);
});

Deno.test("a manifest of 500 layers is recorded completely", async () => {
  await using hold = await openServices();
  const layers: Digest[] = [];
  for (let i = 0; i < 500; i++) {
    const bytes = new TextEncoder().encode(`layer ${i}`);
    const digest = digestOf(bytes);
    await hold.rows.publish(digest, bytes.length, 0, () => Promise.resolve());
    layers.push(digest);
  }
  const outcome = await hold.notify.push(ALICE, imageOf(ALICE, layers));
  assert.equal(outcome.layersCreated, 500);
  assert.equal((await hold.all("layer")).length, 500);
  assert.equal((await hold.quota.report(ALICE)).uniqueBlobs, 500);
});

Deno.test("a deleted manifest frees its quota, and pushed again it counts again", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(500));
  const event = imageOf(ALICE, [layer], { tag: "v1" });
  await hold.notify.push(ALICE, event);
  assert.ok(event.digest);
  assert.equal(
    await hold.layerRecords.manifestDeleted(ALICE, event.digest),
    1,
  );
  assert.deepEqual(await hold.all("layer"), []);
  assert.equal((await hold.quota.report(ALICE)).totalSize, 0);
  const again = await hold.notify.push(ALICE, event);
  assert.equal(again.layersCreated, 1);
  assert.equal((await hold.quota.report(ALICE)).totalSize, 500);
});

Deno.test("pulls are counted in memory and written together", async () => {
  await using hold = await openServices();
  for (const repository of ["one", "two"]) {
    await hold.notify.push(
      ALICE,
      imageOf(ALICE, [], { repository, name: repository }),
    );
  }
  const { seq } = await hold.records.apply([]);
  for (let i = 0; i < 7; i++) {
    hold.notify.pull({ owner: ALICE, repository: i < 5 ? "one" : "two" });
  }
  hold.notify.pull({ owner: BOB, repository: "never-pushed" });
  hold.clock.advance(1000);
  await hold.stats.flush();
  await hold.stats.flush();
  assert.equal((await hold.records.apply([])).seq, seq + 1);
  const one = await hold.stats.get({ owner: ALICE, repository: "one" });
  assert.equal(one?.pullCount, 5);
  assert.equal(one.pushCount, 1);
  assert.equal(
    (await hold.stats.get({ owner: ALICE, repository: "two" }))?.pullCount,
    2,
  );
  assert.equal((await hold.all("stats")).length, 2);
});

Deno.test("pulls that could not be written are written with the next flush", async () => {
  await using hold = await openServices();
  await hold.notify.push(ALICE, imageOf(ALICE, []));
  const repo = { owner: ALICE, repository: "myapp" };
  hold.notify.pull(repo);
  const { apply } = hold.records;
  hold.records.apply = () => Promise.reject(new Error("no disk"));
  await assert.rejects(hold.stats.flush(), /no disk/);
  hold.records.apply = apply;
  hold.notify.pull(repo);
  await hold.stats.flush();
  assert.equal((await hold.stats.get(repo))?.pullCount, 2);
});

Deno.test("without layer records a push keeps its blobs and counts them all the same", async () => {
  await using hold = await openServices({ layerRecordsEnabled: false });
  const layers = [
    await hold.push(ALICE, noise(100)),
    await hold.push(ALICE, noise(200)),
  ];
  const event = imageOf(ALICE, layers, { tag: "v1" });
  const outcome = await hold.notify.push(ALICE, event);
  assert.equal(outcome.layersCreated, 0);
  assert.deepEqual(await hold.all("layer"), []);
  assert.ok(event.digest);
  const uri = manifestUri(ALICE, event.digest);
  for (const digest of layers) {
    assert.equal(await hold.layers.user(digest), uri);
  }
  const sizes = await hold.layerRecords.sizes(uri);
  assert.deepEqual(sizes.map(({ size }) => size).sort(), [100, 200]);
  assert.equal((await hold.stats.get(event))?.pushCount, 1);
  hold.clock.advance(100 * 24 * 3_600_000);
  await hold.gc.run();
  for (const digest of layers) {
    assert.equal((await hold.rows.find(digest))?.state, "live");
  }
});

Deno.test("a push is remembered and indexed by the commit of its records alone", async () => {
  await using hold = await openServices();
  const event = imageOf(ALICE, [await hold.push(ALICE, noise(1))], {
    tag: "v1",
  });
  const commits: number[] = [];
  const atomic = hold.kv.atomic.bind(hold.kv);
  hold.kv.atomic = () => {
    commits.push(1);
    return atomic();
  };
  await hold.notify.push(ALICE, event);
  assert.equal(commits.length, 1);
});
