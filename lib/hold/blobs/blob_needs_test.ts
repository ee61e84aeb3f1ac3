import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import { ALICE, BOB, CAPTAIN, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  TestRepos,
  type TestServices,
  TIERS,
} from "../testing_services.ts";
import { BlobUploaders } from "./uploaders.ts";

const DAY = 24 * 3_600_000;

async function mayNeed(hold: TestServices, digest: Digest, did: Did = BOB) {
  return await hold.uploaders.anyOf(digest, new Set([did])) === did;
}

async function isAsked(hold: TestServices, did: Did = BOB) {
  return (await Array.fromAsync(hold.uploaders.accounts())).includes(did);
}

Deno.test("an account that pushed nothing and cannot be read keeps blobs of others for 30 days", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const layer = await hold.push(ALICE, noise(1000));
  const event = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, event);
  await hold.userData.delete(ALICE);
  await hold.uploaders.mayNeed(BOB, [layer]);
  source.down.add(BOB);
  hold.clock.advance(29 * DAY);
  assert.deepEqual((await hold.gc.run()).quarantine, 0);
  hold.clock.advance(2 * DAY);
  const planned = await Array.fromAsync(hold.gc.preview());
  assert.deepEqual(planned.map(({ verdict }) => verdict), ["quarantine"]);
  assert.deepEqual((await hold.gc.run()).quarantine, 1);
  hold.clock.advance(8 * DAY);
  const { purge, unread } = await hold.gc.run();
  assert.deepEqual([purge, unread], [1, 0]);
  assert.equal(await isAsked(hold), false);
  const rows = await Array.fromAsync(hold.kv.list({ prefix: ["hold"] }));
  const kinds = rows.map(({ key }) => String(key[1]));
  for (const kind of ["charge", "need", "needer", "may_need"]) {
    assert.ok(!kinds.includes(kind), kind);
  }
});

Deno.test("an account that was read after it asked for a blob needs it no more", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [early, late] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  await hold.uploaders.mayNeed(BOB, [early]);
  hold.clock.advance(DAY - 1);
  await hold.uploaders.mayNeed(BOB, [late]);
  await hold.gc.run();
  assert.equal(await mayNeed(hold, early), true);
  hold.clock.advance(2);
  await hold.gc.run();
  assert.equal(await mayNeed(hold, early), false);
  // The manifest may still come.
  assert.equal(await mayNeed(hold, late), true);
  assert.equal(await isAsked(hold), true);
  hold.clock.advance(DAY);
  await hold.gc.run();
  assert.equal(await isAsked(hold), false);
  source.down.add(BOB);
  hold.clock.advance(DAY);
  assert.equal((await hold.gc.run()).unread, 0);
  for (const digest of [early, late]) {
    assert.equal(await hold.blobs.stat(digest), undefined);
  }
});

Deno.test("asking for a blob again begins the time again", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(10));
  await hold.uploaders.mayNeed(BOB, [layer]);
  hold.clock.advance(DAY - 1);
  await hold.uploaders.mayNeed(BOB, [layer]);
  hold.clock.advance(DAY - 1);
  await hold.gc.run();
  assert.equal(await mayNeed(hold, layer), true);
});

Deno.test("an absent account with a manifest here may need its mounted blobs without end", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  const [own, mounted] = [
    await hold.push(BOB, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  await hold.notify.push(BOB, imageOf(BOB, [own]));
  await hold.uploaders.mayNeed(BOB, [mounted]);
  source.down.add(BOB);
  for (let i = 0; i < 3; i++) {
    hold.clock.advance(30 * DAY);
    assert.equal((await hold.gc.run()).quarantine, 0);
  }
});

Deno.test("blobs of a manifest that the quota refuses stay needed when its owner goes away", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  await hold.push(BOB, noise(950));
  const layer = await hold.push(CAPTAIN, noise(100));
  await hold.uploaders.mayNeed(BOB, [layer]);
  const image = imageOf(BOB, [layer]);
  source.add(image, hold.records.did);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  // Now only what was noted is known.
  source.delete(image);
  source.down.add(BOB);
  await hold.gc.run();
  assert.ok(await hold.blobs.stat(layer));
});

Deno.test("one account may need a limited number of blobs, until some are no longer needed", async () => {
  await using hold = await openServices();
  const digests: Digest[] = [];
  for (let i = 1; i <= 4; i++) {
    digests.push(await hold.push(ALICE, noise(9, i)));
  }
  const [first, second, third, fourth] = digests;
  assert.ok(first && second && third && fourth);
  const { kv, clock } = hold;
  const uploaders = new BlobUploaders({ kv, clock, maxPerAccount: 2 });
  await uploaders.mayNeed(BOB, [first, second, third]);
  await uploaders.mayNeed(BOB, [first]);
  const needed = () => Promise.all(digests.map((d) => mayNeed(hold, d)));
  assert.deepEqual(await needed(), [true, true, false, false]);
  // Concurrently, on two instances.
  await uploaders.forget(first);
  await Promise.all([
    uploaders.mayNeed(BOB, [third]),
    new BlobUploaders({ kv, clock, maxPerAccount: 2 }).mayNeed(BOB, [fourth]),
  ]);
  assert.equal((await needed()).slice(1).filter(Boolean).length, 2);
});

Deno.test("an account noted by an earlier version is asked until it was read or was away for long", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  await hold.kv.set(holdKeys.mayNeed(BOB), true);
  await hold.kv.set(holdKeys.mayNeed(ALICE), true);
  source.down.add(BOB);
  await hold.gc.run();
  assert.deepEqual([await isAsked(hold), await isAsked(hold, ALICE)], [
    true,
    true,
  ]);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.deepEqual([await isAsked(hold), await isAsked(hold, ALICE)], [
    true,
    false,
  ]);
  hold.clock.advance(30 * DAY);
  await hold.gc.run();
  assert.equal(await isAsked(hold), false);
});
