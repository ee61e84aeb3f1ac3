/** What a collection of garbage does about images that the hold was not told of, or cannot ask about. */

import assert from "node:assert/strict";
import { ALICE, BOB, CAPTAIN, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  TestRepos,
  type TestServices,
} from "../testing_services.ts";

const DAY = 24 * 3_600_000;

/** What would be done with each blob, and why. */
async function plan(hold: TestServices) {
  const findings = await Array.fromAsync(hold.gc.preview());
  return new Map(findings.map((finding) => [finding.subject, finding]));
}

Deno.test("while a repo cannot be read, nothing is released, hidden or removed", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const notice = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, notice);
  const [stray, late] = [
    await hold.push(ALICE, noise(11)),
    await hold.push(ALICE, noise(12)),
  ];
  await hold.crew.ensure(BOB);
  hold.clock.advance(2 * DAY);
  source.down.add(BOB);
  source.down.add(ALICE);
  for (let i = 0; i < 5; i++) {
    assert.match(
      (await plan(hold)).get(stray)?.reason ?? "",
      /could not be read/,
    );
    const { quarantine, release, purge } = await hold.gc.run();
    assert.deepEqual([quarantine, release, purge], [0, 0, 0]);
    hold.clock.advance(30 * DAY);
  }
  for (const digest of [layer, stray, late]) {
    assert.ok(await hold.blobs.stat(digest));
  }
  source.add(notice);
  // In quarantine already, it is not removed on a guess either.
  source.down.clear();
  assert.equal((await hold.gc.run()).quarantine, 2);
  source.down.add(BOB);
  hold.clock.advance(30 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  source.add(imageOf(BOB, [late]));
  await hold.gc.run();
  assert.ok(await hold.blobs.stat(late));
  source.down.clear();
  const report = await hold.gc.run();
  assert.deepEqual([report.purge, report.keep], [1, 2]);
});

Deno.test("somebody who may not push any more and cannot be asked holds up nothing and loses nothing", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, stray] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  const notice = imageOf(ALICE, [layer]);
  source.add(notice);
  await hold.notify.push(ALICE, notice);
  await hold.crew.ensure(ALICE);
  await hold.crew.put(BOB, { role: "member", permissions: ["blob:read"] });
  source.down.add(ALICE);
  source.down.add(BOB);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  await hold.crew.remove(ALICE);
  hold.clock.advance(2 * DAY);
  assert.equal((await plan(hold)).get(stray)?.verdict, "quarantine");
  for (let i = 0; i < 3; i++) {
    await hold.gc.run();
    hold.clock.advance(10 * DAY);
  }
  assert.ok(await hold.blobs.stat(layer));
  assert.equal(await hold.store.head(hold.keys.blob(stray)), undefined);
});

Deno.test("an image that the hold was never told of keeps its blobs and counts for its owner", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, config] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  await hold.crew.ensure(ALICE);
  const notice = imageOf(ALICE, [layer], { config });
  source.add(notice, hold.records.did);
  hold.clock.advance(2 * DAY);
  for (const { verdict } of (await plan(hold)).values()) {
    assert.equal(verdict, "keep");
  }
  assert.deepEqual(await hold.all("layer"), [], "a preview records nothing");
  for (let i = 0; i < 3; i++) {
    await hold.gc.run();
    hold.clock.advance(10 * DAY);
  }
  assert.ok(await hold.blobs.stat(layer));
  assert.ok(await hold.blobs.stat(config));
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 2,
    totalSize: 21,
  });
  // Told at last, it is the same image.
  await hold.notify.push(ALICE, notice);
  assert.equal((await hold.all("layer")).length, 1);
});

Deno.test("an image that was told so late that its blobs were hidden gets them back", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
  source.add(imageOf(CAPTAIN, [layer]));
  const { restore, quarantine } = await hold.gc.run();
  // Recording the layer takes it out of quarantine at once.
  assert.deepEqual([restore, quarantine], [0, 0]);
  assert.ok(await hold.blobs.stat(layer));
});

Deno.test("an image of another hold keeps nothing here", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  await hold.crew.ensure(ALICE);
  source.add(imageOf(ALICE, [layer]), "did:web:other.example.com");
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
  assert.deepEqual(await hold.all("layer"), []);
});

Deno.test("an image that the quota refused keeps its blobs, and the next upload is refused", async () => {
  const source = new TestRepos();
  await using hold = await openServices({
    source,
    tiers: [{ name: "small", quota: 15 }],
    defaultTier: "small",
  });
  const layers = [
    await hold.push(ALICE, noise(10)),
    await hold.push(BOB, noise(11)),
  ];
  await hold.crew.ensure(ALICE);
  const notice = imageOf(ALICE, layers);
  source.add(notice, hold.records.did);
  await assert.rejects(
    hold.notify.push(ALICE, notice),
    { code: "QUOTA_EXCEEDED" },
  );
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  for (const digest of layers) assert.ok(await hold.blobs.stat(digest));
  assert.equal((await hold.quota.report(ALICE)).totalSize, 21);
  await assert.rejects(
    hold.uploads.initiate(ALICE),
    { code: "QUOTA_EXCEEDED" },
  );
});
