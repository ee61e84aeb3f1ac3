import assert from "node:assert/strict";
import { manifestUri } from "../atproto/records.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { ManifestSource } from "./gc.ts";
import type { PushNotice } from "./notice.ts";
import { COLLECTIONS } from "./records.ts";
import { ALICE, noise } from "./testing.ts";
import {
  imageOf,
  openServices,
  type TestServices,
} from "./testing_services.ts";

const DAY = 24 * 3_600_000;

/** What the owners' repos have, for the collector. */
class Repos implements ManifestSource {
  readonly manifests = new Map<string, readonly Digest[] | null>();
  readonly needed = new Set<Digest>();
  blobsOf(uri: string) {
    return Promise.resolve(this.manifests.get(uri));
  }
  isNeeded(digest: Digest) {
    return Promise.resolve(this.needed.has(digest));
  }
}

function uriOf({ owner, digest }: PushNotice): string {
  assert.ok(digest);
  return manifestUri(owner, digest);
}

async function verdicts(hold: TestServices) {
  const found = new Map<string, string>();
  for await (const { subject, verdict } of hold.gc.preview()) {
    found.set(subject, verdict);
  }
  return found;
}

Deno.test("blobs of known images stay, others go by way of the quarantine", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(10));
  const config = await hold.push(ALICE, noise(11));
  const stray = await hold.push(ALICE, noise(12));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { config }));
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

Deno.test("a preview changes nothing and gives every blob a reason", async () => {
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

Deno.test("a manifest that stays deleted is released, one that comes back is not", async () => {
  const source = new Repos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  const notice = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, notice);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  source.manifests.set(uriOf(notice), null);
  await hold.gc.run();
  source.manifests.set(uriOf(notice), [layer]);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  source.manifests.set(uriOf(notice), null);
  assert.equal((await hold.gc.run()).release, 0);
  assert.equal((await hold.all("layer")).length, 1);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).release, 1);
  assert.deepEqual(await hold.all("layer"), []);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("a manifest whose owner cannot be asked keeps its blobs", async () => {
  await using hold = await openServices({ source: new Repos() });
  const layer = await hold.push(ALICE, noise(10));
  await hold.notify.push(ALICE, imageOf(ALICE, [layer]));
  for (let i = 0; i < 5; i++) {
    hold.clock.advance(30 * DAY);
    await hold.gc.run();
  }
  assert.deepEqual(await hold.blobs.stat(layer), { size: 10 });
});

Deno.test("blobs that only the owner's record names are kept as long as it is there", async () => {
  const source = new Repos();
  await using hold = await openServices({ source });
  const [layer, config] = [
    await hold.push(ALICE, noise(10)),
    await hold.push(ALICE, noise(11)),
  ];
  const notice = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, notice);
  source.manifests.set(uriOf(notice), [layer, config]);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.ok(await hold.blobs.stat(config));
  await hold.layerRecords.removeManifest(uriOf(notice));
  await hold.gc.run();
  assert.equal(await hold.blobs.stat(config), undefined);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("a blob that a repository needs is kept, and taken back when it is needed again", async () => {
  const source = new Repos();
  await using hold = await openServices({ source });
  const digest = await hold.push(ALICE, noise(10));
  source.needed.add(digest);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.ok(await hold.blobs.stat(digest));
  source.needed.clear();
  await hold.gc.run();
  assert.equal(await hold.blobs.stat(digest), undefined);
  source.needed.add(digest);
  assert.equal((await hold.gc.run()).restore, 1);
  assert.ok(await hold.blobs.stat(digest));
  await hold.blobs.delete(digest);
  await hold.gc.run();
  assert.equal(await hold.blobs.stat(digest), undefined);
});

Deno.test("the index follows records that were restored or deleted by an admin", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(10));
  const notice = imageOf(ALICE, [layer]);
  await hold.notify.push(ALICE, notice);
  const [record] = await hold.all("layer");
  assert.ok(record);
  // An index that knows nothing, as after a restore of the repo.
  await hold.layers.remove(await hold.layers.ofManifest(uriOf(notice)));
  await hold.layers.removeManifest(uriOf(notice));
  assert.equal((await hold.layers.usage(ALICE)).totalSize, 0);
  hold.clock.advance(2 * DAY);
  await hold.gc.run();
  assert.equal((await hold.layers.usage(ALICE)).totalSize, 10);
  assert.ok(await hold.blobs.stat(layer));
  await hold.records.apply([{
    action: "delete",
    collection: COLLECTIONS.layer,
    rkey: record.rkey,
  }]);
  await hold.gc.run();
  assert.equal((await hold.layers.usage(ALICE)).totalSize, 0);
  assert.equal(await hold.blobs.stat(layer), undefined);
});

Deno.test("a push during the collection keeps its blobs", async () => {
  const source = new Repos();
  await using hold = await openServices({ source });
  const layer = await hold.push(ALICE, noise(10));
  hold.clock.advance(2 * DAY);
  // The push comes just after the blob was judged.
  source.isNeeded = async () => {
    source.isNeeded = () => Promise.resolve(false);
    await hold.notify.push(ALICE, imageOf(ALICE, [layer]));
    return false;
  };
  const report = await hold.gc.run();
  assert.equal(report.quarantine, 0);
  assert.ok(await hold.blobs.stat(layer));
  assert.equal(await hold.blobs.stat(digestOf(noise(99))), undefined);
});
