import assert from "node:assert/strict";
import { until } from "../../../tests/support/until.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  bodyOf,
  brokenBody,
  code,
  contents,
  MIB,
  noise,
  onEachHold,
  onEachStore,
  openHold,
  read,
  StrictStore,
  WRONG,
} from "../testing.ts";

/** As with HTTP: the size is announced or not. */
function whole(bytes: Uint8Array<ArrayBuffer>, told: boolean) {
  const size = told ? { size: bytes.length } : {};
  return { offset: 0, body: bodyOf(bytes), ...size };
}

const SIZES = [0, 1, 5000, MIB, MIB + 1, 9 * MIB];

onEachHold(
  "a blob sent whole is readable and leaves nothing else",
  async (hold, { store }) => {
    for (const size of SIZES) {
      for (const told of [true, false]) {
        const bytes = noise(size, told ? 1 : 2);
        const digest = digestOf(bytes);
        const upload = await hold.uploads.reserve(ALICE);
        const body = whole(bytes, told);
        const done = await hold.uploads.finish(upload, digest, body);
        assert.equal(done.size, size);
        assert.deepEqual(await read(hold, bytes), bytes);
        await hold.rows.quarantine(digest, "Unneeded.");
      }
    }
    assert.equal((await contents(store)).uploads, 0);
  },
);

onEachHold(
  "a whole blob with the wrong digest or a broken body leaves nothing",
  async (hold, { store }) => {
    for (const size of SIZES) {
      const upload = await hold.uploads.reserve(ALICE);
      await assert.rejects(
        hold.uploads.finish(upload, WRONG, whole(noise(size), true)),
        code("DIGEST_INVALID"),
      );
      await assert.rejects(
        hold.uploads.finish(await hold.uploads.reserve(ALICE), WRONG, {
          offset: 0,
          body: brokenBody(noise(size)),
          size: size + 1,
        }),
        code("BLOB_UPLOAD_INVALID"),
      );
      assert.equal(await hold.blobs.stat(WRONG), undefined);
      assert.equal(await hold.blobs.stat(digestOf(noise(size))), undefined);
    }
    await hold.uploads.sweep();
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachHold("an existing blob is only verified", async (hold, { store }) => {
  const bytes = noise(3 * MIB);
  const digest = digestOf(bytes);
  const push = async (sent: Uint8Array<ArrayBuffer>) => {
    const upload = await hold.uploads.reserve(ALICE);
    return await hold.uploads.finish(upload, digest, whole(sent, true));
  };
  await push(bytes);
  const before = await store.head(hold.keys.blob(digest));
  assert.equal((await push(bytes)).size, bytes.length);
  assert.equal(
    (await store.head(hold.keys.blob(digest)))?.etag,
    before?.etag,
  );
  await assert.rejects(push(noise(3 * MIB, 7)), code("DIGEST_INVALID"));
  assert.equal((await hold.blobs.stat(digest))?.size, bytes.length);
});

onEachHold(
  "an upload started on two instances concurrently continues on one of them",
  async (hold) => {
    const upload = await hold.uploads.reserve(ALICE);
    const pieces = [noise(9 * MIB, 1), noise(9 * MIB, 2)];
    const instances = [hold.uploads, hold.restart()];
    const outcomes = await Promise.allSettled(
      instances.map((uploads, i) =>
        uploads.append(upload, 0, bodyOf(pieces[i] ?? noise(0)))
      ),
    );
    const won = outcomes.findIndex(({ status }) => status === "fulfilled");
    const lost = outcomes[1 - won];
    assert.ok(lost?.status === "rejected" && code("CONFLICT")(lost.reason));
    const digest = digestOf(pieces[won] ?? noise(0));
    // The bytes of the losing request must not be among them.
    assert.equal(await hold.restart().offset(upload), 9 * MIB);
    await hold.restart().finish(upload, digest);
    assert.equal((await hold.blobs.stat(digest))?.size, 9 * MIB);
  },
);

Deno.test("a small whole blob is one object put in a store of large parts", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const bytes = noise(2 * MIB);
  const upload = await hold.uploads.reserve(ALICE);
  await hold.uploads.finish(upload, digestOf(bytes), whole(bytes, true));
  assert.deepEqual([...store.calls], []);
  assert.deepEqual(await contents(store), {
    keys: [hold.keys.blob(digestOf(bytes))],
    uploads: 0,
  });
});

onEachHold(
  "a blob hidden during a repeated push is readable after the push",
  async (hold) => {
    const bytes = noise(3 * MIB);
    const digest = digestOf(bytes);
    const push = async (body: ReadableStream<Uint8Array>) => {
      const upload = await hold.uploads.reserve(ALICE);
      const size = bytes.length;
      await hold.uploads.finish(upload, digest, { offset: 0, body, size });
    };
    await push(bodyOf(bytes));
    let hidden = false;
    const slow = new ReadableStream<Uint8Array>({
      async pull(controller) {
        hidden = await hold.rows.quarantine(digest, "Unneeded.");
        controller.enqueue(bytes);
        controller.close();
      },
    }, { highWaterMark: 0 });
    await push(slow);
    assert.equal(hidden, true);
    assert.equal((await hold.blobs.stat(digest))?.size, bytes.length);
  },
);

onEachHold(
  "last bytes that exist already are refused, and the upload is kept",
  async (hold) => {
    const bytes = noise(9 * MIB);
    const upload = await hold.uploads.reserve(ALICE);
    await hold.uploads.append(upload, 0, bodyOf(bytes));
    await assert.rejects(
      hold.uploads.finish(upload, digestOf(bytes), whole(bytes, true)),
      code("RANGE_INVALID"),
    );
    await hold.uploads.finish(upload, digestOf(bytes));
    assert.equal((await hold.blobs.stat(digestOf(bytes)))?.size, bytes.length);
  },
);

onEachStore(
  "an upload whose request lasts longer than the idle limit is not swept",
  async (store, clock) => {
    const ttlMs = 3_600_000;
    const stallMs = 2 * ttlMs;
    await using hold = await openHold(store, clock, { ttlMs, stallMs });
    const bytes = noise(9 * MIB);
    const slow = () => {
      let pulls = 0;
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (pulls++ === 0) return controller.enqueue(bytes.subarray(0, -1));
          clock.advance(ttlMs);
          await hold.restart({ ttlMs }).sweep();
          controller.enqueue(bytes.subarray(-1));
          controller.close();
        },
      }, { highWaterMark: 0 });
    };
    const digest = digestOf(bytes);
    const first = await hold.uploads.reserve(ALICE);
    await hold.uploads.finish(first, digest, { offset: 0, body: slow() });
    await hold.rows.quarantine(digest, "Unneeded.");
    const second = await hold.uploads.reserve(ALICE);
    await hold.uploads.append(second, 0, slow());
    await hold.uploads.finish(second, digest);
    assert.equal((await hold.blobs.stat(digest))?.size, bytes.length);
  },
);

onEachStore(
  "small blobs are buffered up to a total, and others stream meanwhile",
  async (store, clock) => {
    await using hold = await openHold(store, clock, { bufferBytes: 5_000 });
    const blobs = [1, 2, 3, 4].map((seed) => noise(4_000, seed));
    const push = async (
      bytes: Uint8Array,
      going: Promise<unknown>,
    ): Promise<void> => {
      const body = ReadableStream.from((async function* () {
        yield bytes.slice(0, 1_000);
        await going;
        yield bytes.slice(1_000);
      })());
      const upload = await hold.uploads.reserve(ALICE);
      const { size } = await hold.uploads.finish(upload, digestOf(bytes), {
        ...{ offset: 0, body, size: bytes.length },
      });
      assert.equal(size, bytes.length);
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    const [first = noise(0), ...others] = blobs;
    const pushes = [push(first, promise)];
    await settled();
    assert.equal((await contents(store)).uploads, 0);
    pushes.push(...others.map((bytes) => push(bytes, promise)));
    if (store.positional) {
      await until(async () =>
        (await contents(store)).uploads === others.length
      );
    } else await settled();
    resolve();
    await Promise.all(pushes);
    for (const bytes of blobs) assert.deepEqual(await read(hold, bytes), bytes);
    assert.equal((await contents(store)).uploads, 0);
    // The memory of the first one is free again, also after a failure.
    for (let i = 0; i < 3; i++) {
      const upload = await hold.uploads.reserve(ALICE);
      const bad = { offset: 0, body: brokenBody(noise(9)), size: 4_000 };
      await assert.rejects(hold.uploads.finish(upload, WRONG, bad));
    }
    const last = noise(4_000, 5);
    const again = Promise.withResolvers<void>();
    const pushing = push(last, again.promise);
    await settled();
    assert.equal((await contents(store)).uploads, 0);
    again.resolve();
    await pushing;
    assert.deepEqual(await read(hold, last), last);
  },
);

/** Lets requests go on until they wait for their bodies. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
