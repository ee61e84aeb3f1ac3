import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import { ALICE, BOB, CAPTAIN, code, noise } from "../testing.ts";
import {
  collect,
  imageOf,
  openServices,
  TestRepos,
  type TestServices,
  TIERS,
} from "../testing_services.ts";

const exceeded = code("QUOTA_EXCEEDED");

async function used(hold: TestServices, user: Did): Promise<number> {
  return (await hold.quota.report(user)).totalSize;
}

/** Pushes an image of one layer and puts its record into the repo of its owner. */
async function pushImage(
  hold: TestServices,
  source: TestRepos,
  [owner, bytes]: [Did, Uint8Array],
) {
  const layer = await hold.push(owner, bytes);
  const image = imageOf(owner, [layer]);
  await hold.notify.push(owner, image);
  source.add(image, hold.records.did);
  return { layer, image, digest: image.digest as Digest };
}

Deno.test("a deleted image whose record came back is kept and counts again, beyond the quota too", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const first = await pushImage(hold, source, [ALICE, noise(900, 1)]);
  await hold.layerRecords.manifestDeleted(ALICE, first.digest);
  const second = await pushImage(hold, source, [ALICE, noise(900, 2)]);
  assert.equal(await used(hold, ALICE), 900);
  await collect(hold);
  assert.equal(await used(hold, ALICE), 1800);
  await assert.rejects(hold.push(ALICE, noise(1, 3)), exceeded);
  for (const { layer } of [first, second]) {
    assert.ok(await hold.blobs.stat(layer));
  }
  // Deleting makes room at most once.
  source.delete(second.image);
  await hold.layerRecords.manifestDeleted(ALICE, second.digest);
  assert.equal(await used(hold, ALICE), 900);
  await assert.rejects(hold.push(ALICE, noise(101, 3)), exceeded);
  await collect(hold);
  assert.equal(await hold.blobs.stat(second.layer), undefined);
  assert.equal(await used(hold, ALICE), 900);
});

Deno.test("deleted blobs count again although another blob of their image has no room", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const { layer, digest, image } = await pushImage(
    hold,
    source,
    [ALICE, noise(900, 1)],
  );
  source.delete(image);
  await hold.layerRecords.manifestDeleted(ALICE, digest);
  const bobs = await pushImage(hold, source, [BOB, noise(500, 2)]);
  await pushImage(hold, source, [ALICE, noise(900, 3)]);
  source.add(imageOf(ALICE, [layer, bobs.layer]), hold.records.did);
  await collect(hold);
  assert.equal(await used(hold, ALICE), 1800);
  assert.ok(await hold.blobs.stat(layer));
});

Deno.test("images of others that name deleted blobs are charged up to twice their quota, and no blob stays that nobody is charged for", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  await pushImage(hold, source, [ALICE, noise(900, 1)]);
  const named: Digest[] = [];
  for (const seed of [2, 3]) {
    const bobs = await pushImage(hold, source, [BOB, noise(800, seed)]);
    const copy = imageOf(ALICE, [bobs.layer], { name: `copy ${seed}` });
    source.add(copy, hold.records.did);
    await hold.gc.run();
    assert.ok(await hold.blobs.stat(bobs.layer));
    source.delete(bobs.image);
    await hold.layerRecords.manifestDeleted(BOB, bobs.digest);
    named.push(bobs.layer);
  }
  await collect(hold);
  assert.equal(await used(hold, ALICE), 1700);
  const stored = await Promise.all(named.map((d) => hold.blobs.stat(d)));
  assert.deepEqual(stored.map((blob) => blob !== undefined), [true, false]);
  // Nothing of it is left to him.
  for (const seed of [4, 5]) {
    const layer = await hold.push(BOB, noise(1000, seed));
    await hold.quota.ledger.released(BOB, [layer]);
  }
});

Deno.test("blobs of which it is not known who uploaded them stay for an image beyond the quota", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  await pushImage(hold, source, [ALICE, noise(900, 1)]);
  const layer = await hold.push(CAPTAIN, noise(800, 2));
  for await (const { key } of hold.kv.list({ prefix: ["hold", "charge"] })) {
    if (key[3] === layer) await hold.kv.delete(key);
  }
  source.add(imageOf(ALICE, [layer]), hold.records.did);
  await collect(hold);
  assert.equal(await used(hold, ALICE), 900);
  assert.ok(await hold.blobs.stat(layer));
});

Deno.test("the charge of a deleted blob ends however many accounts name it without room", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ ...TIERS, source });
  const bytes = noise(1000, 1);
  const { layer, digest } = await pushImage(hold, source, [BOB, bytes]);
  await hold.layerRecords.manifestDeleted(BOB, digest);
  for (const letter of "abcdefghijklmnopqrstuvwxyz") {
    const uri = `at://did:plc:${"a".repeat(23)}${letter}/io.atcr.manifest/x`;
    await hold.kv.set(holdKeys.blobUse(layer, uri), true);
  }
  const image = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, image);
  assert.equal(await hold.quota.ledger.released(BOB, [layer]), 1);
});
