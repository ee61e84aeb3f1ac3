import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  bodyOf,
  brokenBody,
  code,
  contents,
  MIB,
  noise,
  onEachStore,
  openHold,
  read,
  StrictStore,
  WRONG,
} from "../testing.ts";

onEachStore(
  "a blob sent in chunks is read back completely",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(20 * MIB + 12_345);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    let offset = 0;
    for (const size of [10, 3 * MIB, 9 * MIB, 1, 8 * MIB + 12_334]) {
      const piece = bytes.subarray(offset, offset + size);
      const answer = await hold.uploads.append(upload, offset, bodyOf(piece));
      offset += size;
      assert.deepEqual(answer, { offset });
      assert.equal(await hold.uploads.offset(upload), offset);
    }
    assert.equal(offset, bytes.length);
    assert.equal(await read(hold, bytes), undefined);
    const digest = digestOf(bytes);
    const done = await hold.uploads.complete(uploadId, digest);
    assert.deepEqual(done, { digest, size: bytes.length });
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.deepEqual(await contents(store), {
      keys: [hold.keys.blob(digest)],
      uploads: 0,
    });
  },
);

onEachStore("an empty blob can be pushed", async (store, clock) => {
  await using hold = await openHold(store, clock);
  const upload = await hold.uploads.initiate(ALICE);
  const { uploadId } = upload;
  await hold.uploads.complete(uploadId, digestOf(new Uint8Array()));
  assert.deepEqual(
    await read(hold, new Uint8Array()),
    new Uint8Array(),
  );
});

onEachStore(
  "a wrong digest stores nothing and ends the upload",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    for (const bytes of [noise(100), noise(9 * MIB)]) {
      const upload = await hold.uploads.initiate(ALICE);
      const { uploadId } = upload;
      await hold.uploads.append(upload, 0, bodyOf(bytes));
      await assert.rejects(
        hold.uploads.complete(uploadId, WRONG),
        code("DIGEST_INVALID"),
      );
      await assert.rejects(
        hold.uploads.complete(uploadId, digestOf(bytes)),
        code("BLOB_UPLOAD_UNKNOWN"),
      );
    }
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachStore(
  "another process finishes an upload and reads the bytes again",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    await hold.uploads.append(upload, 0, bodyOf(bytes.subarray(0, 5000)));
    const second = hold.restart();
    await second.append(upload, 5000, bodyOf(bytes.subarray(5000)));
    await second.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "wrong bytes left by another process are detected",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    for (const bytes of [noise(100), noise(9 * MIB)]) {
      const upload = await hold.uploads.initiate(ALICE);
      const { uploadId } = upload;
      await hold.uploads.append(upload, 0, bodyOf(bytes));
      await assert.rejects(
        hold.restart().complete(uploadId, WRONG),
        code("DIGEST_INVALID"),
      );
    }
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachStore(
  "a final digest of another algorithm is verified too",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    await hold.uploads.append(upload, 0, bodyOf(bytes));
    const digest = digestOf(bytes, "sha512");
    await hold.uploads.complete(uploadId, digest);
    assert.deepEqual(await hold.blobs.stat(digest), { size: bytes.length });
    const second = await hold.uploads.initiate(ALICE, { algorithm: "sha512" });
    await hold.uploads.append(second, 0, bodyOf(bytes));
    await hold.uploads.complete(second.uploadId, digest);
  },
);

onEachStore(
  "a broken append leaves the upload at its offset",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(17 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    const at = 8 * MIB + 100;
    await hold.uploads.append(upload, 0, bodyOf(bytes.subarray(0, at)));
    for (const lost of [1000, 9 * MIB]) {
      await assert.rejects(
        hold.uploads.append(upload, at, brokenBody(noise(lost, 99))),
        code("BLOB_UPLOAD_INVALID"),
      );
      assert.equal(await hold.uploads.offset(upload), at);
    }
    await hold.uploads.append(upload, at, bodyOf(bytes.subarray(at)));
    await hold.uploads.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "bytes of a broken append do not become part of the blob",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(50);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    await hold.uploads.append(upload, 0, bodyOf(bytes));
    await assert.rejects(
      hold.uploads.append(upload, 50, brokenBody(noise(9 * MIB, 5))),
    );
    await hold.uploads.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "an append at a wrong offset is refused with the current one",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const upload = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(upload, 0, bodyOf(noise(10)));
    for (const offset of [0, 9, 11]) {
      await assert.rejects(
        hold.uploads.append(upload, offset, bodyOf(noise(10))),
        (error) => {
          assert.ok(isAppError(error, "RANGE_INVALID"));
          assert.deepEqual(error.detail, { offset: 10 });
          return true;
        },
      );
    }
  },
);

Deno.test("the usual push to S3 reads back only the tail", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const bytes = noise(20 * MIB);
  const upload = await hold.uploads.initiate(ALICE);
  const { uploadId } = upload;
  await hold.uploads.append(upload, 0, bodyOf(bytes));
  await hold.uploads.complete(uploadId, digestOf(bytes));
  assert.deepEqual(Object.fromEntries(store.calls), { putPart: 3, get: 1 });
});

Deno.test("a small blob needs no multipart upload in S3", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const upload = await hold.uploads.initiate(ALICE);
  const { uploadId } = upload;
  await hold.uploads.append(upload, 0, bodyOf(noise(5000)));
  await hold.uploads.complete(uploadId, digestOf(noise(5000)));
  assert.deepEqual(Object.fromEntries(store.calls), {});
});
