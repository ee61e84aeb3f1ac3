import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { MemoryBlobStore } from "../../storage/memory.ts";
import { ManualClock } from "../../testing_clock.ts";
import {
  code,
  noise,
  onEachHold,
  openHold,
  pushBlob,
  read,
  startUpload,
  type TestHold,
} from "../testing.ts";

const WEEK = 7 * 24 * 3600 * 1000;

function purge(hold: TestHold, digest: Digest): Promise<boolean> {
  return hold.rows.purge(
    digest,
    WEEK,
    () => hold.store.delete(hold.keys.blob(digest)),
  );
}

onEachHold(
  "a range of a blob is returned with the size of the whole",
  async (hold) => {
    const bytes = noise(1000);
    const digest = await pushBlob(hold, bytes);
    const opened = await hold.blobs.open(digest, { start: 10, end: 19 });
    assert.equal(opened?.size, 1000);
    assert.deepEqual(
      new Uint8Array(await new Response(opened.body).arrayBuffer()),
      bytes.slice(10, 20),
    );
    assert.equal(await hold.blobs.stat(digestOf(noise(3))), undefined);
    assert.equal(await hold.blobs.open(digestOf(noise(3))), undefined);
  },
);

onEachHold(
  "an object of an adopted bucket is verified once and then read",
  async (hold, { store }) => {
    const bytes = noise(100_000);
    const digest = digestOf(bytes);
    await store.put(hold.keys.blob(digest), bytes);
    const found = await Promise.all(
      Array.from({ length: 5 }, () => hold.blobs.stat(digest)),
    );
    for (const each of found) assert.deepEqual(each, { size: bytes.length });
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "an object that does not match its digest is never served",
  async (hold, { store }) => {
    const digest = digestOf(noise(100));
    await store.put(hold.keys.blob(digest), noise(100, 2));
    assert.equal(await hold.blobs.stat(digest), undefined);
    assert.equal(await hold.blobs.open(digest), undefined);
    assert.equal(await hold.blobs.presign(digest), undefined);
  },
);

onEachHold(
  "a quarantined blob is hidden at once and restored by a push",
  async (hold, { store, clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await hold.rows.quarantine(digest, "Unneeded.");
    assert.equal(await hold.blobs.stat(digest), undefined);
    assert.equal(await read(hold, bytes), undefined);
    assert.ok(await store.head(hold.keys.blob(digest)));
    await pushBlob(hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
    clock.advance(2 * WEEK);
    assert.equal(await purge(hold, digest), false);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a blob is purged only after its quarantine",
  async (hold, { store, clock }) => {
    const digest = await pushBlob(hold, noise(100));
    await hold.rows.quarantine(digest, "Unneeded.");
    assert.equal(await purge(hold, digest), false);
    clock.advance(WEEK);
    assert.equal(await purge(hold, digest), true);
    assert.equal(await store.head(hold.keys.blob(digest)), undefined);
    assert.equal(await hold.rows.find(digest), undefined);
    await pushBlob(hold, noise(100));
    assert.deepEqual(await read(hold, noise(100)), noise(100));
  },
);

onEachHold(
  "a push during the purge waits and then keeps its bytes",
  async (hold, { store, clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await hold.rows.quarantine(digest, "Unneeded.");
    clock.advance(WEEK);
    const upload = await startUpload(hold, bytes);
    const { uploadId } = upload;
    const purged = await hold.rows.purge(digest, WEEK, async () => {
      await assert.rejects(
        hold.uploads.complete(uploadId, digest),
        (error) => isAppError(error, "UNAVAILABLE"),
      );
      await store.delete(hold.keys.blob(digest));
    });
    assert.equal(purged, true);
    const again = await pushBlob(hold, bytes);
    assert.deepEqual(await hold.blobs.stat(again), { size: 100 });
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "an interrupted purge is completed by the next one",
  async (hold, { clock }) => {
    const digest = await pushBlob(hold, noise(100));
    await hold.rows.quarantine(digest, "Unneeded.");
    clock.advance(WEEK);
    await assert.rejects(
      hold.rows.purge(digest, WEEK, () => Promise.reject(new Error("killed"))),
    );
    assert.equal(await purge(hold, digest), false);
    clock.advance(10 * 60_000);
    assert.equal(await purge(hold, digest), true);
  },
);

onEachHold(
  "a blob with a missing object can be pushed again",
  async (hold, { store }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await store.delete(hold.keys.blob(digest));
    assert.equal(await hold.blobs.open(digest), undefined);
    assert.equal(await hold.blobs.stat(digest), undefined);
    await pushBlob(hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a push during the end of a purge fails instead of losing its bytes",
  async (hold, { store, clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await hold.rows.quarantine(digest, "Unneeded.");
    clock.advance(WEEK);
    await assert.rejects(
      hold.rows.purge(digest, WEEK, () => Promise.reject(new Error("killed"))),
    );
    clock.advance(10 * 60_000);
    await assert.rejects(
      hold.rows.publish(digest, bytes.length, clock.now(), async () => {
        await store.put(hold.keys.blob(digest), bytes);
        assert.equal(await purge(hold, digest), true);
      }),
      (error) => isAppError(error, "UNAVAILABLE"),
    );
    assert.equal(await hold.blobs.stat(digest), undefined);
    await pushBlob(hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a blob that the operator removed stays hidden, before and after its bytes are gone",
  async (hold, { store, clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    assert.equal(await hold.blobs.remove(digest), true);
    const refused = async () => {
      await assert.rejects(pushBlob(hold, bytes), code("DENIED"));
      assert.equal(await hold.rows.restore(digest), false);
      assert.equal(await hold.blobs.stat(digest), undefined);
      assert.equal(await read(hold, bytes), undefined);
    };
    await refused();
    assert.equal(await purge(hold, digest), false);
    clock.advance(WEEK);
    assert.equal(await purge(hold, digest), true);
    assert.equal(await store.head(hold.keys.blob(digest)), undefined);
    await refused();
    assert.equal(await purge(hold, digest), false);
    assert.equal(await hold.blobs.allow(digest), "gone");
    await pushBlob(hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "the operator can reverse a removal while the bytes exist",
  async (hold, { clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    assert.equal(await hold.blobs.allow(digest), undefined);
    assert.equal(await hold.blobs.remove(digestOf(noise(7))), false);
    await hold.blobs.remove(digest);
    clock.advance(WEEK);
    await hold.rows.purge(digest, WEEK, async () => {
      await assert.rejects(hold.blobs.allow(digest), code("UNAVAILABLE"));
      throw new Error("killed");
    }).catch(() => undefined);
    clock.advance(10 * 60_000);
    assert.equal(await hold.blobs.allow(digest), "gone");
    assert.deepEqual(await read(hold, bytes), bytes, "an object is adopted");
    await hold.blobs.remove(digest);
    assert.equal(await hold.blobs.allow(digest), "live");
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "the operator can remove blobs that are quarantined or being purged",
  async (hold, { store, clock }) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await hold.rows.quarantine(digest, "Unneeded.");
    clock.advance(WEEK);
    const purged = await hold.rows.purge(digest, WEEK, async () => {
      assert.equal(await hold.blobs.remove(digest), true);
      await store.delete(hold.keys.blob(digest));
    });
    assert.equal(purged, false);
    clock.advance(10 * 60_000);
    assert.equal(await purge(hold, digest), true);
    await assert.rejects(pushBlob(hold, bytes), code("DENIED"));
  },
);

onEachHold(
  "a deletion recorded by an earlier version counts as removed by the operator",
  async (hold) => {
    const bytes = noise(100);
    const digest = await pushBlob(hold, bytes);
    await hold.rows.quarantine(digest, "It was deleted.");
    await assert.rejects(pushBlob(hold, bytes), code("DENIED"));
    assert.equal((await hold.rows.find(digest))?.state, "removed");
    assert.equal(await hold.blobs.allow(digest), "live");
  },
);

Deno.test("clients that look for one blob at the same moment share a check, and the next one does not", async () => {
  const clock = new ManualClock(Date.now());
  const store = new MemoryBlobStore(clock);
  await using hold = await openHold(store, clock);
  const digest = await pushBlob(hold, noise(100));
  const key = hold.keys.blob(digest);
  let looks = 0;
  const localSize = store.localSize.bind(store);
  store.localSize = (asked) => {
    looks++;
    return localSize(asked);
  };
  const check = () => hold.blobs.check(digest);
  const found = await Promise.all([check(), check(), check(), check()]);
  for (const one of found) assert.deepEqual(one, { size: 100 });
  assert.equal(looks, 2);
  await store.delete(key);
  assert.equal(await check(), undefined);
});
