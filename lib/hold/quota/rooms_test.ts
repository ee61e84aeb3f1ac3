import assert from "node:assert/strict";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  brokenBody,
  code,
  noise,
  startUpload,
  WRONG,
} from "../testing.ts";
import { openServices, TIERS } from "../testing_services.ts";

const HOUR = 3_600_000;
const exceeded = code("QUOTA_EXCEEDED");

Deno.test("concurrent uploads on two instances do not exceed the quota together", async () => {
  await using hold = await openServices(TIERS);
  const instances = [
    hold.uploads,
    hold.restart({ quota: hold.instance().rooms }),
  ];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, async (_, i) => {
      const uploads = instances[i % 2];
      assert.ok(uploads);
      const bytes = noise(300, i + 1);
      const upload = await uploads.reserve(ALICE);
      const digest = digestOf(bytes);
      // Of known size, of unknown size, and in two requests.
      if (i % 3 === 0) {
        await uploads.finish(upload, digest, {
          offset: 0,
          body: bodyOf(bytes),
          size: 300,
        });
      } else if (i % 3 === 1) {
        await uploads.finish(upload, digest, {
          offset: 0,
          body: bodyOf(bytes, 50),
        });
      } else {
        await uploads.append(upload, 0, bodyOf(bytes, 100));
        await uploads.finish(upload, digest);
      }
    }),
  );
  const refused = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [outcome.reason] : []
  );
  for (const error of refused) assert.ok(exceeded(error), String(error));
  const { uniqueBlobs, totalSize } = await hold.quota.report(ALICE);
  assert.equal(outcomes.length - refused.length, uniqueBlobs);
  assert.ok(uniqueBlobs >= 1 && uniqueBlobs <= 3, `${uniqueBlobs}`);
  // Bytes of refused uploads may still exist, and are counted.
  assert.ok(totalSize <= 1000, `${totalSize}`);
});

Deno.test("an unfinished upload counts until it is aborted, swept or its instance has died", async () => {
  await using hold = await openServices(TIERS);
  const upload = await startUpload(hold, noise(600));
  assert.equal(await hold.quota.remaining(ALICE), 400);
  await assert.rejects(
    hold.uploads.append(upload, 600, bodyOf(noise(500), 100)),
    exceeded,
  );
  assert.equal(await hold.quota.remaining(ALICE), 400);
  await hold.uploads.abort(upload);
  assert.equal(await hold.quota.remaining(ALICE), 1000);

  await startUpload(hold, noise(600));
  hold.clock.advance(23 * HOUR);
  assert.equal(await hold.quota.remaining(ALICE), 400);
  hold.clock.advance(2 * HOUR);
  assert.equal(await hold.quota.remaining(ALICE), 1000);

  // The request of a killed instance neither fails nor ends.
  const room = await hold.quota.rooms.open({
    caller: ALICE,
    uploadId: crypto.randomUUID(),
  });
  await room.need(700);
  assert.equal(await hold.quota.remaining(ALICE), 300);
  hold.clock.advance(50_000);
  await room.renew();
  hold.clock.advance(50_000);
  assert.equal(await hold.quota.remaining(ALICE), 300);
  hold.clock.advance(11_000);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
});

Deno.test("a broken request releases its reservation", async () => {
  await using hold = await openServices(TIERS);
  const upload = await hold.uploads.reserve(ALICE);
  await assert.rejects(
    hold.uploads.append(upload, 0, brokenBody(noise(600))),
    { code: "BLOB_UPLOAD_INVALID" },
  );
  const wrong = await hold.uploads.reserve(ALICE);
  await assert.rejects(
    hold.uploads.finish(wrong, WRONG, {
      offset: 0,
      body: bodyOf(noise(600)),
      size: 600,
    }),
    { code: "DIGEST_INVALID" },
  );
  const begun = await hold.uploads.reserve(ALICE);
  await hold.uploads.append(begun, 0, bodyOf(noise(600)));
  await assert.rejects(
    hold.uploads.finish(begun, WRONG),
    { code: "DIGEST_INVALID" },
  );
  assert.equal(await hold.quota.remaining(ALICE), 1000);
});

Deno.test("received bytes use the reservation of the announced size", async () => {
  await using hold = await openServices(TIERS);
  const bytes = noise(900);
  const { uploadId } = await hold.uploads.initiate(ALICE, { size: 900 });
  await assert.rejects(hold.uploads.initiate(ALICE, { size: 101 }), exceeded);
  await hold.uploads.parts.put(uploadId, 1, bodyOf(bytes));
  assert.equal(await hold.quota.remaining(ALICE), 100);
  await hold.uploads.complete(uploadId, digestOf(bytes));
  assert.deepEqual(await hold.quota.report(ALICE), {
    userDid: ALICE,
    uniqueBlobs: 1,
    totalSize: 900,
    limit: 1000,
    tier: "deckhand",
  });
});

Deno.test("a blob charged already may be uploaded again with a full quota", async () => {
  await using hold = await openServices(TIERS);
  const bytes = noise(1000);
  const digest = await hold.push(ALICE, bytes);
  await assert.rejects(hold.uploads.initiate(ALICE), exceeded);
  const uploadId = crypto.randomUUID();
  const upload = { uploadId, caller: ALICE, algorithm: "sha256" as const };
  const { size } = await hold.uploads.finish(upload, digest, {
    offset: 0,
    body: bodyOf(bytes),
    size: bytes.length,
  });
  assert.equal(size, 1000);
  assert.equal((await hold.quota.report(ALICE)).uniqueBlobs, 1);
});

Deno.test("a reservation made by a fast clock expires when the clock is set back", async () => {
  await using hold = await openServices(TIERS);
  hold.clock.advance(365 * 24 * HOUR);
  await startUpload(hold, noise(600));
  assert.equal(await hold.quota.remaining(ALICE), 400);
  hold.clock.setBack(365 * 24 * HOUR);
  assert.equal(await hold.quota.remaining(ALICE), 1000);
});

Deno.test("with a full quota a push in any form can repair a damaged blob, but add no other", async () => {
  await using hold = await openServices(TIERS);
  const bytes = noise(600);
  const digest = await hold.push(ALICE, bytes);
  await hold.push(ALICE, noise(400, 2));
  await hold.push(BOB, noise(1000, 4));
  const full = await hold.quota.report(ALICE);
  assert.equal(full.totalSize, 1000);
  const send = async (
    way: string,
    upload: UploadRef,
    bytes: Uint8Array<ArrayBuffer>,
  ) => {
    const [first, last] = [bytes.slice(0, 300), bytes.slice(300)];
    if (way === "streamed") {
      await hold.uploads.append(upload, 0, bodyOf(first));
      await hold.uploads.append(upload, 300, bodyOf(last));
    } else {
      const { uploadId } = upload;
      await hold.uploads.parts.put(uploadId, 1, bodyOf(first));
      await hold.uploads.parts.put(uploadId, 2, bodyOf(last));
    }
  };
  const push = async (way: string, bytes: Uint8Array<ArrayBuffer>) => {
    const wanted = digestOf(bytes);
    const size = bytes.length;
    if (way === "whole") {
      const upload = await hold.uploads.reserve(ALICE);
      const last = { offset: 0, body: bodyOf(bytes), size };
      await hold.uploads.finish(upload, wanted, last);
      return;
    }
    const options = way === "announced" ? { size } : {};
    const upload = await hold.uploads.initiate(ALICE, options);
    try {
      await send(way, upload, bytes);
      await hold.uploads.complete(upload.uploadId, wanted);
    } catch (error) {
      // An upload refused at completion is gone.
      await hold.uploads.abort(upload.uploadId).catch(() => {});
      throw error;
    }
  };
  for (const way of ["whole", "announced", "streamed", "parts"]) {
    await hold.store.put(hold.keys.blob(digest), noise(10));
    assert.equal(await hold.blobs.open(digest), undefined);
    await assert.rejects(push(way, noise(600, 3)), exceeded, way);
    await assert.rejects(push(way, noise(601)), exceeded, way);
    assert.deepEqual(await hold.quota.report(ALICE), full, way);
    // Damaged blobs of others give no room to users who do not store them.
    await assert.rejects(hold.uploads.initiate(BOB), exceeded, way);
    await push(way, bytes);
    assert.deepEqual(await hold.quota.report(ALICE), full, way);
    assert.ok(await hold.blobs.stat(digest), way);
    await assert.rejects(hold.uploads.initiate(ALICE), exceeded, way);
  }
});
