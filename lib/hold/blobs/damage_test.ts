import assert from "node:assert/strict";
import { type Digest, digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  bodyOf,
  noise,
  onEachHold,
  read,
  startUpload,
  type TestHold,
} from "../testing.ts";

const WEEK = 7 * 24 * 3600 * 1000;

type Push = (
  hold: TestHold,
  bytes: Uint8Array<ArrayBuffer>,
) => Promise<void>;

/** Ways in which a client may send a blob. */
const WAYS = {
  "in chunks": async (hold, bytes) => {
    const upload = await startUpload(hold, bytes);
    await hold.uploads.complete(upload.uploadId, digestOf(bytes));
  },
  "in chunks after a restart": async (hold, bytes) => {
    const upload = await startUpload(hold, bytes);
    await hold.restart().complete(upload.uploadId, digestOf(bytes));
  },
  "whole": async (hold, bytes) => {
    const upload = await hold.uploads.reserve(ALICE);
    await hold.uploads.finish(upload, digestOf(bytes), {
      offset: 0,
      body: bodyOf(bytes),
      size: bytes.length,
    });
  },
  "whole, of unknown length": async (hold, bytes) => {
    const upload = await hold.uploads.reserve(ALICE);
    await hold.uploads.finish(upload, digestOf(bytes), {
      offset: 0,
      body: bodyOf(bytes),
    });
  },
} satisfies Record<string, Push>;

/** Ways in which an object may be damaged. */
const DAMAGES: Record<
  string,
  (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined
> = {
  cut: (bytes) => bytes.slice(0, bytes.length / 2),
  emptied: () => new Uint8Array(),
  grown: (bytes) => new Uint8Array([...bytes, 1]),
  deleted: () => undefined,
};

async function put(
  hold: TestHold,
  digest: Digest,
  bytes: Uint8Array<ArrayBuffer> | undefined,
): Promise<void> {
  const key = hold.keys.blob(digest);
  if (bytes === undefined) await hold.store.delete(key);
  else await hold.store.put(key, bytes);
}

function flipped(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const wrong = bytes.slice();
  wrong[10] = (wrong[10] ?? 0) ^ 1;
  return wrong;
}

onEachHold(
  "an object of another size is never served, and its blob is hidden until it is pushed again",
  async (hold, { clock }) => {
    const push = WAYS["in chunks"];
    for (const [how, damage] of Object.entries(DAMAGES)) {
      for (const range of [undefined, { start: 90, end: 94 }]) {
        const bytes = noise(100, how.length);
        const digest = digestOf(bytes);
        await push(hold, bytes);
        await put(hold, digest, damage(bytes));
        assert.equal(await hold.blobs.open(digest, range), undefined, how);
        assert.equal(await hold.blobs.stat(digest), undefined, how);
        assert.equal((await hold.rows.find(digest))?.state, "damaged");
        clock.advance(1_000);
        await push(hold, bytes);
        assert.deepEqual(await read(hold, bytes), bytes, how);
      }
    }
    assert.deepEqual(
      hold.damaged,
      ["size", "size", "size", "size", "size", "size", "missing", "missing"],
    );
  },
);

onEachHold(
  "a push of the right bytes repairs an undetected flipped bit",
  async (hold, { clock }) => {
    for (const size of [100, 2_000_000]) {
      for (const [way, push] of Object.entries(WAYS)) {
        const bytes = noise(size, way.length);
        const digest = digestOf(bytes);
        await push(hold, bytes);
        await put(hold, digest, flipped(bytes));
        clock.advance(1_000);
        await push(hold, bytes);
        assert.deepEqual(await read(hold, bytes), bytes, way);
      }
    }
  },
);

onEachHold(
  "a push repairs a blob damaged in quarantine",
  async (hold, { clock }) => {
    for (const [way, push] of Object.entries(WAYS)) {
      const bytes = noise(100, way.length);
      const digest = digestOf(bytes);
      await push(hold, bytes);
      await hold.rows.quarantine(digest, "Unneeded.");
      await put(hold, digest, flipped(bytes));
      clock.advance(1_000);
      await push(hold, bytes);
      assert.deepEqual(await read(hold, bytes), bytes, way);
    }
  },
);

onEachHold(
  "many concurrent pushes of a blob succeed, and a blob verified meanwhile is not stored again",
  async (hold, { clock }) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    await WAYS["in chunks"](hold, bytes);
    clock.advance(1_000);
    const startedAt = clock.now();
    const place = () => Promise.resolve();
    await Promise.all(
      Array.from(
        { length: 20 },
        () => hold.rows.publish(digest, 100, startedAt, place),
      ),
    );
    await hold.rows.publish(digest, 100, startedAt, () => {
      throw new Error("It was verified since.");
    });
    clock.advance(-500);
    let placed = 0;
    await hold.rows.publish(digest, 100, clock.now(), () => {
      placed++;
      return Promise.resolve();
    });
    assert.equal(placed, 1, "a time in the future proves nothing");
  },
);

onEachHold(
  "a lost object that reappears is verified before it is readable",
  async (hold) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    await WAYS["whole"](hold, bytes);
    await put(hold, digest, undefined);
    assert.equal(await read(hold, bytes), undefined);
    assert.equal(await hold.blobs.stat(digest), undefined);
    await put(hold, digest, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
    await put(hold, digest, undefined);
    assert.equal(await read(hold, bytes), undefined);
    await put(hold, digest, flipped(bytes));
    assert.equal(await hold.blobs.stat(digest), undefined);
    assert.equal((await hold.rows.find(digest))?.damage, "digest");
  },
);

onEachHold(
  "an object without a row and with other bytes is read once, then known",
  async (hold) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    await put(hold, digest, flipped(bytes));
    for (let i = 0; i < 3; i++) {
      assert.equal(await hold.blobs.stat(digest), undefined);
    }
    assert.deepEqual(hold.damaged, ["digest"]);
    await WAYS["in chunks"](hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a reader that saw the old object does not hide the one of a push that came meanwhile",
  async (hold, { clock }) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    await WAYS["whole"](hold, bytes);
    const seen = await hold.rows.find(digest);
    clock.advance(1);
    await WAYS["whole"](hold, bytes);
    assert.equal(await hold.rows.damage(digest, seen, 100, "size"), false);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a damaged blob removed by the operator is not restored as damaged",
  async (hold) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    await WAYS["whole"](hold, bytes);
    await put(hold, digest, bytes.slice(1));
    await hold.blobs.open(digest);
    assert.equal(await hold.blobs.remove(digest), true);
    assert.equal(await hold.blobs.allow(digest), "gone");
    assert.equal(await hold.blobs.stat(digest), undefined);
    await WAYS["whole"](hold, bytes);
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold("a damaged blob can be purged", async (hold, { store, clock }) => {
  const bytes = noise(100);
  const digest = digestOf(bytes);
  await WAYS["whole"](hold, bytes);
  await put(hold, digest, bytes.slice(1));
  await hold.blobs.open(digest);
  clock.advance(WEEK);
  const key = hold.keys.blob(digest);
  assert.equal(
    await hold.rows.purge(digest, WEEK, () => store.delete(key)),
    true,
  );
  assert.equal(await hold.rows.find(digest), undefined);
});
