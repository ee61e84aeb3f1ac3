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
  onEachHold,
  openHold,
  read,
  startUpload,
  StrictStore,
  WRONG,
} from "../testing.ts";

onEachHold(
  "a blob sent in chunks is read back completely",
  async (hold, { store }) => {
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

onEachHold("an empty blob can be pushed", async (hold) => {
  const upload = await hold.uploads.initiate(ALICE);
  const { uploadId } = upload;
  await hold.uploads.complete(uploadId, digestOf(new Uint8Array()));
  assert.deepEqual(
    await read(hold, new Uint8Array()),
    new Uint8Array(),
  );
});

onEachHold(
  "a wrong digest stores nothing and ends the upload",
  async (hold, { store }) => {
    for (const bytes of [noise(100), noise(9 * MIB)]) {
      const upload = await startUpload(hold, bytes);
      const { uploadId } = upload;
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

onEachHold(
  "another process finishes an upload and reads the bytes again",
  async (hold) => {
    const bytes = noise(9 * MIB);
    const upload = await startUpload(hold, bytes.subarray(0, 5000));
    const { uploadId } = upload;
    const second = hold.restart();
    await second.append(upload, 5000, bodyOf(bytes.subarray(5000)));
    await second.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "wrong bytes left by another process are detected",
  async (hold, { store }) => {
    for (const bytes of [noise(100), noise(9 * MIB)]) {
      const upload = await startUpload(hold, bytes);
      const { uploadId } = upload;
      await assert.rejects(
        hold.restart().complete(uploadId, WRONG),
        code("DIGEST_INVALID"),
      );
    }
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachHold(
  "a final digest of another algorithm is verified too",
  async (hold) => {
    const bytes = noise(9 * MIB);
    const upload = await startUpload(hold, bytes);
    const { uploadId } = upload;
    const digest = digestOf(bytes, "sha512");
    await hold.uploads.complete(uploadId, digest);
    assert.deepEqual(await hold.blobs.stat(digest), { size: bytes.length });
    const second = await hold.uploads.initiate(ALICE, { algorithm: "sha512" });
    await hold.uploads.append(second, 0, bodyOf(bytes));
    await hold.uploads.complete(second.uploadId, digest);
  },
);

onEachHold("a broken append leaves the upload at its offset", async (hold) => {
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
});

onEachHold(
  "bytes of a broken append do not become part of the blob",
  async (hold) => {
    const bytes = noise(50);
    const upload = await startUpload(hold, bytes);
    const { uploadId } = upload;
    await assert.rejects(
      hold.uploads.append(upload, 50, brokenBody(noise(9 * MIB, 5))),
    );
    await hold.uploads.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "an append at a wrong offset is refused with the current one",
  async (hold) => {
    const upload = await startUpload(hold, noise(10));
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
  const upload = await startUpload(hold, bytes);
  const { uploadId } = upload;
  await hold.uploads.complete(uploadId, digestOf(bytes));
  assert.deepEqual(Object.fromEntries(store.calls), { putPart: 3, get: 1 });
});

Deno.test("a small blob needs no multipart upload in S3", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const upload = await startUpload(hold, noise(5000));
  const { uploadId } = upload;
  await hold.uploads.complete(uploadId, digestOf(noise(5000)));
  assert.deepEqual(Object.fromEntries(store.calls), {});
});
