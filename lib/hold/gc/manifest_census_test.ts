/**
 * Garbage collection of images that the hold was not notified of, or whose
 * repos cannot be read.
 */

import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import { uriOf } from "../pushes/push_content.ts";
import { ALICE, BOB, CAPTAIN, noise } from "../testing.ts";
import {
  imageOf,
  indexOf,
  openServices,
  TestRepos,
  type TestServices,
} from "../testing_services.ts";

const DAY = 24 * 3_600_000;

/** The decision on each blob, with its reason. */
async function plan(hold: TestServices) {
  const findings = await Array.fromAsync(hold.gc.preview());
  return new Map(findings.map((finding) => [finding.subject, finding]));
}

Deno.test("while an account's repo cannot be read, its uploads stay and the rest is collected", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const event = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, event);
  source.add(event);
  const [stray, late, shared] = [
    await hold.push(ALICE, noise(11)),
    await hold.push(BOB, noise(12)),
    await hold.push(ALICE, noise(13)),
  ];
  await hold.push(BOB, noise(13));
  await hold.crew.ensure(ALICE);
  await hold.crew.ensure(BOB);
  hold.clock.advance(2 * DAY);
  source.down.add(BOB);
  const planned = await plan(hold);
  assert.equal(planned.get(stray)?.verdict, "quarantine");
  for (const digest of [late, shared]) {
    assert.equal(planned.get(digest)?.verdict, "keep");
    assert.match(planned.get(digest)?.reason ?? "", /could not be read/);
  }
  const first = await hold.gc.run();
  assert.deepEqual([first.quarantine, first.unread], [1, 1]);
  for (let i = 0; i < 3; i++) {
    hold.clock.advance(30 * DAY);
    await hold.gc.run();
  }
  assert.equal(await hold.rows.find(stray), undefined);
  // Blobs kept for an account are charged to it.
  assert.equal((await hold.quota.report(BOB)).totalSize, 25);
  for (const digest of [layer, late, shared]) {
    assert.ok(await hold.blobs.stat(digest));
  }
  source.add(imageOf(BOB, [late]));
  source.down.clear();
  const { quarantine, unread } = await hold.gc.run();
  assert.deepEqual([quarantine, unread], [1, 0]);
  // If in quarantine already, it is not purged without certainty either.
  source.down.add(BOB);
  hold.clock.advance(30 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  source.down.clear();
  assert.equal((await hold.gc.run()).purge, 1);
  assert.ok(await hold.blobs.stat(late));
});

Deno.test("a blob from before uploaders were recorded may belong to anyone", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const old = await hold.push(ALICE, noise(10));
  await hold.uploaders.forget(old);
  await hold.crew.ensure(BOB);
  source.down.add(BOB);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  source.down.clear();
  assert.equal((await hold.gc.run()).quarantine, 1);
});

Deno.test("owners that could not be read last time are read after all others", async () => {
  const asked: Did[] = [];
  const source = new TestRepos();
  const read = source.manifestsOf.bind(source);
  source.manifestsOf = (owner) => {
    asked.push(owner);
    return read(owner);
  };
  await using hold = await openServices({ source });
  await hold.crew.ensure(ALICE);
  await hold.crew.ensure(BOB);
  source.down.add(ALICE);
  await hold.gc.run();
  asked.length = 0;
  await hold.gc.run();
  assert.equal(asked.length, 3);
  assert.equal(asked.at(-1), ALICE);
});

Deno.test("blobs listed in an index itself stay and count for its owner", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  // As BuildKit exports a cache: layers and a cache config, no manifest.
  const [told, untold] = [
    [await hold.push(ALICE, noise(10)), await hold.push(ALICE, noise(11))],
    [await hold.push(ALICE, noise(12)), await hold.push(ALICE, noise(13))],
  ];
  await hold.crew.ensure(ALICE);
  const cache = indexOf(ALICE, told, "told");
  source.add(cache);
  assert.equal((await hold.notify.push(ALICE, cache)).layersCreated, 2);
  source.add(indexOf(ALICE, untold, "untold"));
  hold.clock.advance(2 * DAY);
  for (const { verdict } of (await plan(hold)).values()) {
    assert.equal(verdict, "keep");
  }
  const { quarantine } = await hold.gc.run();
  assert.equal(quarantine, 0);
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 4,
    totalSize: 46,
  });
  assert.equal((await hold.all("layer")).length, 4);
  source.delete(cache);
  await hold.layerRecords.removeManifest(uriOf(cache));
  assert.equal((await hold.gc.run()).quarantine, 2);
  hold.clock.advance(8 * DAY);
  assert.equal((await hold.gc.run()).purge, 2);
  assert.equal((await hold.quota.report(ALICE)).totalSize, 25);
});

Deno.test("a blob named in any field of a manifest stays and counts", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, other, later] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
    digestOf(noise(12)),
  ];
  const event = imageOf(ALICE, [layer]);
  source.add(event);
  source.named.set(event, [layer, other, later]);
  await hold.notify.push(ALICE, event);
  hold.clock.advance(2 * DAY);
  assert.equal((await plan(hold)).get(other)?.verdict, "keep");
  await hold.gc.run();
  assert.equal((await hold.quota.report(ALICE)).totalSize, 21);
  // The bytes of a manifest are read once.
  source.named.clear();
  await hold.push(ALICE, noise(12));
  await hold.notify.push(ALICE, { ...event, tag: "again" });
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  assert.equal((await hold.quota.report(ALICE)).totalSize, 33);
  source.delete(event);
  await hold.layerRecords.removeManifest(uriOf(event));
  assert.equal((await hold.gc.run()).quarantine, 3);
});

Deno.test("a layer that arrives after its manifest was reported twice is removed with it", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const missing = digestOf(noise(10));
  const event = imageOf(ALICE, [missing]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  await hold.gc.run();
  await hold.notify.push(ALICE, { ...event, tag: "again" });
  await hold.push(ALICE, noise(10));
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  source.delete(event);
  await hold.layerRecords.removeManifest(uriOf(event));
  assert.equal((await hold.gc.run()).quarantine, 1);
});

Deno.test("an account that may not push any more and cannot be read blocks nothing and loses nothing", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, stray] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  const event = imageOf(ALICE, [layer]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  await hold.crew.ensure(ALICE);
  await hold.crew.put(BOB, { role: "member", permissions: ["blob:read"] });
  source.down.add(ALICE);
  source.down.add(BOB);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:read"] });
  hold.clock.advance(2 * DAY);
  assert.equal((await plan(hold)).get(stray)?.verdict, "quarantine");
  for (let i = 0; i < 3; i++) {
    await hold.gc.run();
    hold.clock.advance(10 * DAY);
  }
  assert.ok(await hold.blobs.stat(layer));
  assert.equal(await hold.store.head(hold.keys.blob(stray)), undefined);
});

Deno.test("an image without a push event keeps its blobs and counts for its owner", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, config] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  await hold.crew.ensure(ALICE);
  const event = imageOf(ALICE, [layer], { config });
  source.add(event, hold.records.did);
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
  // When the push event arrives at last, it is the same image.
  await hold.notify.push(ALICE, event);
  assert.equal((await hold.all("layer")).length, 1);
});

Deno.test("an image reported so late that its blobs were hidden gets them back", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
  source.add(imageOf(CAPTAIN, [layer]));
  const { restore, quarantine } = await hold.gc.run();
  // Recording the layer restores it from quarantine at once.
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

Deno.test("an image that the quota refused keeps its blobs, charged to their uploaders", async () => {
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
  const event = imageOf(ALICE, layers);
  source.add(event, hold.records.did);
  await assert.rejects(
    hold.notify.push(ALICE, event),
    { code: "QUOTA_EXCEEDED" },
  );
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);
  for (const digest of layers) assert.ok(await hold.blobs.stat(digest));
  assert.equal((await hold.quota.report(ALICE)).totalSize, 10);
  assert.equal((await hold.quota.report(BOB)).totalSize, 11);
});

Deno.test("a blob that an absent account only mounted stays, until its repo can be read", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  await hold.uploaders.mayNeed(BOB, [layer]);
  source.down.add(BOB);
  for (let i = 0; i < 3; i++) {
    hold.clock.advance(9 * DAY);
    const { quarantine, purge } = await hold.gc.run();
    assert.deepEqual([quarantine, purge], [0, 0]);
  }
  source.down.clear();
  assert.equal((await hold.gc.run()).quarantine, 1);
  // Nothing is left of it with the blob.
  hold.clock.advance(8 * DAY);
  assert.equal((await hold.gc.run()).purge, 1);
  await hold.push(ALICE, noise(10));
  source.down.add(BOB);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
});

Deno.test("accounts that push without a crew record are asked for their manifests", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [uploaded, mounted, later] = [
    await hold.push(BOB, noise(10)),
    await hold.push(CAPTAIN, noise(11)),
    await hold.push(BOB, noise(12)),
  ];
  await hold.uploaders.mayNeed(ALICE, [mounted]);
  // The hold was notified of none of them.
  source.add(imageOf(BOB, [uploaded]), hold.records.did);
  source.add(imageOf(ALICE, [mounted]), hold.records.did);
  hold.clock.advance(2 * DAY);
  source.down.add(BOB);
  assert.deepEqual([...(await plan(hold)).values()].map((f) => f.verdict), [
    "keep",
    "keep",
    "keep",
  ]);
  source.down.clear();
  assert.equal((await hold.gc.run()).quarantine, 1);
  assert.equal(await hold.blobs.stat(later), undefined);
  for (const digest of [uploaded, mounted]) {
    assert.ok(await hold.blobs.stat(digest));
  }
  assert.deepEqual(await Array.fromAsync(hold.crew.list(), (c) => c.member), [
    CAPTAIN,
  ]);
});

Deno.test("a manifest whose bytes are missing may need everything of its owner and nothing else", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [needed, known, dropped] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
    await hold.push(ALICE, noise(12)),
  ];
  const stray = await hold.push(BOB, noise(13));
  const lost = imageOf(ALICE, [needed], { name: "lost" });
  source.add(lost, hold.records.did);
  source.lost.add(lost);
  source.bare.add(lost);
  // What comes after it is read nevertheless.
  source.add(imageOf(ALICE, [known]), hold.records.did);
  const gone = imageOf(ALICE, [dropped], { name: "gone" });
  await hold.notify.push(ALICE, gone);
  // Its owner may not push any more.
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:read"] });
  let released = 0;
  for (let i = 0; i < 3; i++) {
    hold.clock.advance(10 * DAY);
    const report = await hold.gc.run();
    released += report.release;
    assert.equal(report.unread, 1);
  }
  assert.equal(released, 1);
  assert.equal(await hold.rows.find(stray), undefined);
  for (const digest of [needed, known, dropped]) {
    assert.ok(await hold.blobs.stat(digest));
  }
  assert.equal((await hold.all("layer")).length, 1);
  source.lost.clear();
  source.bare.clear();
  assert.equal((await hold.gc.run()).quarantine, 1);
  assert.ok(await hold.blobs.stat(needed));
  assert.equal(await hold.blobs.stat(dropped), undefined);
});

Deno.test("a manifest known from its push stays known when its bytes are lost", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const event = imageOf(ALICE, [layer]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  await hold.gc.run();
  source.lost.add(event);
  source.bare.add(event);
  hold.clock.advance(2 * DAY);
  const { unread, quarantine } = await hold.gc.run();
  assert.deepEqual([unread, quarantine], [0, 0]);
  assert.ok(await hold.blobs.stat(layer));
});
