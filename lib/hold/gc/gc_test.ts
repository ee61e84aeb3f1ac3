import assert from "node:assert/strict";
import { manifestUri } from "../../atproto/records/records.ts";
import { isAppError } from "../../errors.ts";
import { type BlobRow, PURGE_MS } from "../blobs/blob_row.ts";
import { holdKeys } from "../kv_keys.ts";
import { COLLECTIONS } from "../records.ts";
import { ALICE, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  TestRepos,
  type TestServices,
} from "../testing_services.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";

const DAY = 24 * 3_600_000;

function uriOf({ owner, digest }: PushEvent): string {
  assert.ok(digest);
  return manifestUri(owner, digest);
}

async function verdicts(hold: TestServices) {
  const findings = await Array.fromAsync(hold.gc.preview());
  return new Map(findings.map(({ subject, verdict }) => [subject, verdict]));
}

Deno.test("blobs of known images stay, others are purged after quarantine", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const config = await hold.push(ALICE, noise(11));
  const stray = await hold.push(ALICE, noise(12));
  const event = imageOf(ALICE, [layer], { config });
  source.add(event);
  await hold.notify.push(ALICE, event);
  assert.deepEqual([...(await verdicts(hold)).values()], [
    "keep",
    "keep",
    "keep",
  ]);
  hold.clock.advance(2 * DAY);
  assert.equal((await verdicts(hold)).get(stray), "quarantine");
  assert.deepEqual(await hold.blobs.stat(stray), { size: 12 });
  const first = await hold.gc.run();
  assert.equal(first.quarantine, 1);
  assert.equal(await hold.blobs.stat(stray), undefined);
  assert.ok(await hold.store.head(hold.keys.blob(stray)));
  hold.clock.advance(6 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  hold.clock.advance(2 * DAY);
  const last = await hold.gc.run();
  assert.equal(last.purge, 1);
  assert.equal(last.purgedBytes, 12);
  assert.equal(await hold.store.head(hold.keys.blob(stray)), undefined);
  for (const digest of [layer, config]) {
    assert.ok(await hold.blobs.stat(digest), digest);
  }
});

Deno.test("a run reports every decision as progress", async () => {
  await using hold = await openServices();
  for (let i = 1; i <= 3; i++) await hold.push(ALICE, noise(12, i));
  const decided: number[] = [];
  await hold.gc.run(undefined, (count) => decided.push(count));
  assert.deepEqual(decided, [1, 2, 3]);
});

Deno.test("a preview changes nothing and has a reason for every blob", async () => {
  await using hold = await openServices();
  await hold.push(ALICE, noise(12));
  hold.clock.advance(2 * DAY);
  for (let i = 0; i < 2; i++) {
    const findings = await Array.fromAsync(hold.gc.preview());
    assert.deepEqual(findings.map(({ verdict, size }) => [verdict, size]), [
      ["quarantine", 12],
    ]);
    assert.match(findings[0]?.reason ?? "", /No manifest refers to it/);
  }
});

Deno.test("a manifest that stays deleted is released, one that reappears is not", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const event = imageOf(ALICE, [layer]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  source.delete(event);
  await hold.gc.run();
  source.add(event);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  source.delete(event);
  assert.equal((await hold.gc.run()).release, 0);
  assert.equal((await hold.all("layer")).length, 1);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).release, 1);
  assert.deepEqual(await hold.all("layer"), []);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("blobs that only the owner's record names are kept as long as it exists", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [layer, config] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  const told = imageOf(ALICE, [layer], { name: "image" });
  const whole = imageOf(ALICE, [layer], { name: "image", config });
  await hold.notify.push(ALICE, told);
  source.add(whole);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.ok(await hold.blobs.stat(config));
  source.delete(whole);
  await hold.layerRecords.removeManifest(uriOf(told));
  await hold.gc.run();
  assert.equal(await hold.blobs.stat(config), undefined);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("a blob that an admin hid stays hidden although an image needs it", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const digest = await hold.push(ALICE, noise(10));
  const event = imageOf(ALICE, [digest]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  await hold.blobs.remove(digest);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).restore, 0);
  assert.equal(await hold.blobs.stat(digest), undefined);
  await hold.notify.push(ALICE, imageOf(ALICE, [digest], { name: "again" }));
  assert.equal(await hold.blobs.stat(digest), undefined);
  hold.clock.advance(8 * DAY);
  assert.equal((await hold.gc.run()).purge, 1);
  await assert.rejects(hold.push(ALICE, noise(10)), { code: "DENIED" });
});

Deno.test("the index follows records that were restored or deleted by an admin", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const event = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, event);
  const [record] = await hold.all("layer");
  assert.ok(record);
  // An empty index, as after a restore of the repo.
  await hold.layers.remove(await hold.layers.ofManifest(uriOf(event)));
  await hold.layers.removeManifest(uriOf(event));
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.equal((await hold.quota.report(ALICE)).totalSize, 10);
  assert.ok(await hold.blobs.stat(layer));
  await hold.records.apply([{
    action: "delete",
    collection: COLLECTIONS.layer,
    rkey: record.rkey,
  }]);
  await hold.gc.run();
  assert.equal((await hold.quota.report(ALICE)).totalSize, 0);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("a push during the collection keeps its blobs", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(10));
  hold.clock.advance(2 * DAY);
  // The push arrives just after the decision on the blob.
  const user = hold.layers.user.bind(hold.layers);
  hold.layers.user = async () => {
    hold.layers.user = user;
    await hold.notify.push(ALICE, imageOf(ALICE, [layer]));
    return undefined;
  };
  const report = await hold.gc.run();
  assert.equal(report.quarantine, 0);
  assert.ok(await hold.blobs.stat(layer));
});

Deno.test("a quarantine started by a fast clock ends a week after the clock is set back", async () => {
  await using hold = await openServices();
  const stray = await hold.push(ALICE, noise(12));
  hold.clock.advance(90 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 1);
  hold.clock.setBack(80 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  hold.clock.advance(6 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).purge, 1);
  assert.equal(await hold.store.head(hold.keys.blob(stray)), undefined);
});

Deno.test("a purge interrupted under a fast clock blocks pushes no longer than its time limit", async () => {
  await using hold = await openServices();
  const digest = await hold.push(ALICE, noise(12));
  const key = holdKeys.blob(digest);
  const entry = await hold.kv.get<BlobRow>(key);
  assert.ok(entry);
  const since = hold.clock.now() + 90 * DAY;
  const dead: BlobRow = { ...entry.value, state: "purging", since };
  await hold.kv.set(key, dead);
  await assert.rejects(
    hold.push(ALICE, noise(12)),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  hold.clock.advance(PURGE_MS);
  // The first one resumes the purge, as usual.
  await hold.push(ALICE, noise(12)).catch(() => {});
  await hold.push(ALICE, noise(12));
  assert.deepEqual(await hold.blobs.stat(digest), { size: 12 });
});

Deno.test("a damaged blob stays while an image needs it, and is purged a week after none does", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const needed = await hold.push(ALICE, noise(10));
  const stray = await hold.push(ALICE, noise(11));
  const event = imageOf(ALICE, [needed]);
  source.add(event);
  await hold.notify.push(ALICE, event);
  for (const digest of [needed, stray]) {
    await hold.store.put(hold.keys.blob(digest), noise(3));
    assert.equal(await hold.blobs.open(digest), undefined);
  }
  hold.clock.advance(6 * DAY);
  assert.equal((await hold.gc.run()).purge, 0);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).purge, 1);
  assert.equal((await hold.rows.find(needed))?.state, "damaged");
  assert.equal(await hold.rows.find(stray), undefined);
  await hold.push(ALICE, noise(10));
  assert.deepEqual(await hold.blobs.stat(needed), { size: 10 });
});
