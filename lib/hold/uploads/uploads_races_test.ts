import assert from "node:assert/strict";
import { AppError, isAppError } from "../../errors.ts";
import { settle } from "../../kv/testing.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  code,
  contents,
  MIB,
  noise,
  onEachHold,
  read,
  startUpload,
  WRONG,
} from "../testing.ts";
import { holdKeys } from "../kv_keys.ts";
import type { UploadRow } from "./upload_row.ts";
import { LOCK_MS } from "./upload_rows.ts";

const DAY = 24 * 3600 * 1000;

onEachHold(
  "of two concurrent appends one wins, and the bytes are right",
  async (hold) => {
    const bytes = noise(9 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    const other = hold.restart();
    const outcomes = await Promise.allSettled([
      hold.uploads.append(upload, 0, bodyOf(bytes)),
      hold.uploads.append(upload, 0, bodyOf(noise(9 * MIB, 2))),
      other.append(upload, 0, bodyOf(noise(9 * MIB, 3))),
    ]);
    const refused = outcomes.filter((o) => o.status === "rejected");
    assert.equal(refused.length, 2);
    for (const { reason } of refused) assert.ok(isAppError(reason, "CONFLICT"));
    if (outcomes[0].status === "fulfilled") {
      await hold.uploads.complete(uploadId, digestOf(bytes));
      assert.deepEqual(await read(hold, bytes), bytes);
    }
  },
);

onEachHold(
  "the same layer pushed concurrently is stored once",
  async (hold, { store }) => {
    const bytes = noise(9 * MIB);
    const digest = digestOf(bytes);
    await Promise.all([ALICE, BOB, ALICE, BOB].map(async (who) => {
      const upload = await hold.uploads.initiate(who);
      const { uploadId } = upload;
      await hold.uploads.append(upload, 0, bodyOf(bytes));
      assert.equal(
        (await hold.uploads.complete(uploadId, digest)).size,
        bytes.length,
      );
    }));
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.deepEqual(await contents(store), {
      keys: [hold.keys.blob(digest)],
      uploads: 0,
    });
  },
);

onEachHold(
  "completing again succeeds for a while, with that digest only",
  async (hold, { clock }) => {
    const bytes = noise(100);
    const digest = digestOf(bytes);
    const upload = await startUpload(hold, bytes);
    const { uploadId } = upload;
    await hold.uploads.complete(uploadId, digest);
    assert.deepEqual(await hold.uploads.complete(uploadId, digest), {
      digest,
      size: 100,
    });
    await assert.rejects(
      hold.uploads.complete(uploadId, WRONG),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    await assert.rejects(
      hold.uploads.append(upload, 100, bodyOf(bytes)),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    clock.advance(DAY);
    await assert.rejects(
      hold.uploads.complete(uploadId, digest),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
  },
);

onEachHold("an aborted upload leaves nothing", async (hold, { store }) => {
  const upload = await startUpload(hold, noise(9 * MIB));
  const { uploadId } = upload;
  await hold.uploads.abort(uploadId);
  assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  for (const id of [uploadId, "nonsense", "", "x".repeat(9000)]) {
    await assert.rejects(hold.uploads.abort(id), code("BLOB_UPLOAD_UNKNOWN"));
  }
});

onEachHold(
  "an upload aborted during an append stays aborted",
  async (hold, { store, clock }) => {
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    let more: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => more = resolve);
    let step = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (step++ === 0) return controller.enqueue(noise(MIB));
        await gate;
        controller.enqueue(noise(9 * MIB));
        controller.close();
      },
    });
    const appending = hold.uploads.append(upload, 0, body);
    await hold.uploads.abort(uploadId);
    more();
    await assert.rejects(appending, AppError);
    await assert.rejects(
      hold.uploads.requireOwner(upload.uploadId, ALICE),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    clock.advance(2 * DAY);
    await hold.uploads.sweep();
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachHold(
  "the sweep removes abandoned uploads, and nothing else",
  async (hold, { store, clock }) => {
    const bytes = noise(9 * MIB);
    const dead = await startUpload(hold, bytes);
    // State after a crash: a store upload and an object without row.
    const orphan = await store.createMultipart(
      hold.keys.upload(crypto.randomUUID()),
    );
    await store.putPart(orphan, 1, noise(10));
    await store.put(hold.keys.upload(`${crypto.randomUUID()}_77`), noise(10));
    clock.advance(DAY / 2);
    const alive = await startUpload(hold, bytes);
    assert.equal(await hold.uploads.sweep(), 0);
    clock.advance(DAY / 2 + 60_000);
    await assert.rejects(
      hold.uploads.complete(dead.uploadId, digestOf(bytes)),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    assert.ok(await hold.uploads.sweep() >= 3);
    assert.equal(await hold.uploads.sweep(), 0);
    await hold.uploads.complete(alive.uploadId, digestOf(bytes));
    assert.deepEqual(await contents(store), {
      keys: [hold.keys.blob(digestOf(bytes))],
      uploads: 0,
    });
  },
);

onEachHold(
  "an upload that was begun by a fast clock lives one lifetime from the sweep after the clock was set back",
  async (hold, { store, clock }) => {
    clock.advance(30 * DAY);
    const bytes = noise(9 * MIB);
    const dead = await startUpload(hold, bytes);
    const alive = await startUpload(hold, bytes);
    clock.setBack(30 * DAY);
    assert.equal(await hold.uploads.sweep(), 0);
    await hold.uploads.complete(alive.uploadId, digestOf(bytes));
    clock.advance(DAY + 60_000);
    await assert.rejects(
      hold.uploads.complete(dead.uploadId, digestOf(bytes)),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    await hold.uploads.sweep();
    assert.deepEqual(await contents(store), {
      keys: [hold.keys.blob(digestOf(bytes))],
      uploads: 0,
    });
  },
);

onEachHold(
  "a stalled client is disconnected and may continue later",
  async (hold, { clock }) => {
    const upload = await hold.uploads.initiate(ALICE);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(noise(10)),
    });
    const appending = hold.uploads.append(upload, 0, body);
    let ended = false;
    appending.catch(() => undefined).finally(() => ended = true);
    for (let i = 0; i < 3000 && !ended; i++) {
      clock.advance(LOCK_MS / 3);
      await settle(hold.kv);
    }
    assert.ok(ended);
    await assert.rejects(appending, code("BLOB_UPLOAD_INVALID"));
    await hold.uploads.append(upload, 0, bodyOf(noise(10)));
  },
);

onEachHold(
  "an upload whose process died can be continued after the lock has expired",
  async (hold, { clock }) => {
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    // The body is read only after the upload is locked, and never ends.
    const locked = Promise.withResolvers<void>();
    let begun = false;
    const never = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (!begun) controller.enqueue(noise(10));
        begun = true;
        locked.resolve();
      },
    }, { highWaterMark: 0 });
    const stop = new AbortController();
    const hanging = hold.uploads.append(upload, 0, never, stop.signal);
    await locked.promise;
    const other = hold.restart();
    const bytes = noise(1000);
    await assert.rejects(
      other.offset(upload).then(() => other.append(upload, 0, bodyOf(bytes))),
      code("CONFLICT"),
    );
    // The first process is suspended: its lock is not renewed.
    const frozen = clock.now() + LOCK_MS;
    clock.now = () => frozen;
    await other.append(upload, 0, bodyOf(bytes));
    stop.abort();
    await assert.rejects(hanging, AppError);
    await other.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "bytes of a restarted upload are not mistaken for its earlier ones",
  async (hold) => {
    const former = noise(9 * MIB, 1);
    const upload = await hold.uploads.reserve(ALICE);
    await hold.uploads.append(upload, 0, bodyOf(former));
    const elsewhere = hold.restart();
    await elsewhere.abort(upload);
    await elsewhere.append(upload, 0, bodyOf(noise(9 * MIB, 2)));
    await assert.rejects(
      hold.uploads.finish(upload, digestOf(former)),
      code("DIGEST_INVALID"),
    );
    assert.equal(await hold.blobs.stat(digestOf(former)), undefined);
  },
);

onEachHold(
  "an upload locked by a fast clock is free one lock lifetime after the clock is set back",
  async (hold, { clock }) => {
    const key = holdKeys.upload;
    const bytes = noise(1000);
    const upload = await startUpload(hold, bytes.subarray(0, 500));
    const { uploadId } = upload;
    const entry = await hold.kv.get<UploadRow>(key(uploadId));
    assert.ok(entry);
    const until = clock.now() + DAY + LOCK_MS;
    await hold.kv.set(key(uploadId), {
      ...entry.value,
      lock: { token: "dead", until },
    });
    const rest = () =>
      hold.uploads.append(upload, 500, bodyOf(bytes.subarray(500)));
    await assert.rejects(rest(), code("CONFLICT"));
    clock.advance(LOCK_MS);
    await rest();
    await hold.uploads.complete(uploadId, digestOf(bytes));
  },
);
