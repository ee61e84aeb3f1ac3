import assert from "node:assert/strict";
import { AppError, type ErrorCode, isAppError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  brokenBody,
  contents,
  noise,
  onEachStore,
  openHold,
  read,
  StrictStore,
} from "./testing.ts";
import { LOCK_MS } from "./upload_state.ts";

const MIB = 1024 * 1024;
const DAY = 24 * 3600 * 1000;
const WRONG: Digest = `sha256:${"0".repeat(64)}`;

const code = (...codes: ErrorCode[]) => (error: unknown) =>
  isAppError(error, ...codes);

onEachStore("a blob sent in pieces comes back whole", async (store, clock) => {
  await using hold = await openHold(store, clock);
  const bytes = noise(20 * MIB + 12_345);
  const { uploadId } = await hold.uploads.initiate(ALICE);
  let offset = 0;
  for (const size of [10, 3 * MIB, 9 * MIB, 1, 8 * MIB + 12_334]) {
    const piece = bytes.subarray(offset, offset + size);
    const answer = await hold.uploads.append(uploadId, offset, bodyOf(piece));
    offset += size;
    assert.deepEqual(answer, { offset });
    assert.deepEqual(await hold.uploads.status(uploadId), { offset });
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
});

onEachStore("an empty blob can be pushed", async (store, clock) => {
  await using hold = await openHold(store, clock);
  const { uploadId } = await hold.uploads.initiate(ALICE);
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
      const { uploadId } = await hold.uploads.initiate(ALICE);
      await hold.uploads.append(uploadId, 0, bodyOf(bytes));
      await assert.rejects(
        hold.uploads.complete(uploadId, WRONG),
        code("DIGEST_INVALID"),
      );
      assert.equal(await hold.uploads.status(uploadId), undefined);
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
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(uploadId, 0, bodyOf(bytes.subarray(0, 5000)));
    const second = hold.restart();
    await second.append(uploadId, 5000, bodyOf(bytes.subarray(5000)));
    await second.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "bytes that another process left wrong are found out",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    for (const bytes of [noise(100), noise(9 * MIB)]) {
      const { uploadId } = await hold.uploads.initiate(ALICE);
      await hold.uploads.append(uploadId, 0, bodyOf(bytes));
      await assert.rejects(
        hold.restart().complete(uploadId, WRONG),
        code("DIGEST_INVALID"),
      );
    }
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachStore(
  "a closing digest of another algorithm is verified too",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(uploadId, 0, bodyOf(bytes));
    const digest = digestOf(bytes, "sha512");
    await hold.uploads.complete(uploadId, digest);
    assert.deepEqual(await hold.blobs.stat(digest), { size: bytes.length });
    const second = await hold.uploads.initiate(ALICE, { algorithm: "sha512" });
    await hold.uploads.append(second.uploadId, 0, bodyOf(bytes));
    await hold.uploads.complete(second.uploadId, digest);
  },
);

onEachStore(
  "an append that breaks leaves the upload where it was",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(17 * MIB);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const at = 8 * MIB + 100;
    await hold.uploads.append(uploadId, 0, bodyOf(bytes.subarray(0, at)));
    for (const lost of [1000, 9 * MIB]) {
      await assert.rejects(
        hold.uploads.append(uploadId, at, brokenBody(noise(lost, 99))),
        code("BLOB_UPLOAD_INVALID"),
      );
      assert.deepEqual(await hold.uploads.status(uploadId), { offset: at });
    }
    await hold.uploads.append(uploadId, at, bodyOf(bytes.subarray(at)));
    await hold.uploads.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "bytes of a broken append do not follow the blob",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(50);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(uploadId, 0, bodyOf(bytes));
    await assert.rejects(
      hold.uploads.append(uploadId, 50, brokenBody(noise(9 * MIB, 5))),
    );
    await hold.uploads.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachStore(
  "an append elsewhere than at the end is refused with the offset",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(uploadId, 0, bodyOf(noise(10)));
    for (const offset of [0, 9, 11]) {
      await assert.rejects(
        hold.uploads.append(uploadId, offset, bodyOf(noise(10))),
        (error) => {
          assert.ok(isAppError(error, "RANGE_INVALID"));
          assert.deepEqual(error.detail, { offset: 10 });
          return true;
        },
      );
    }
  },
);

onEachStore(
  "two appends at once: one wins, the bytes are right",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const other = hold.restart();
    const outcomes = await Promise.allSettled([
      hold.uploads.append(uploadId, 0, bodyOf(bytes)),
      hold.uploads.append(uploadId, 0, bodyOf(noise(9 * MIB, 2))),
      other.append(uploadId, 0, bodyOf(noise(9 * MIB, 3))),
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

onEachStore(
  "the same layer pushed by many at once is stored once",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const digest = digestOf(bytes);
    await Promise.all([ALICE, BOB, ALICE, BOB].map(async (who) => {
      const { uploadId } = await hold.uploads.initiate(who);
      await hold.uploads.append(uploadId, 0, bodyOf(bytes));
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

onEachStore(
  "completing again succeeds for a while, with that digest only",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(100);
    const digest = digestOf(bytes);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(uploadId, 0, bodyOf(bytes));
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
      hold.uploads.append(uploadId, 100, bodyOf(bytes)),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    clock.advance(DAY);
    await assert.rejects(
      hold.uploads.complete(uploadId, digest),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
  },
);

onEachStore("an aborted upload leaves nothing", async (store, clock) => {
  await using hold = await openHold(store, clock);
  const { uploadId } = await hold.uploads.initiate(ALICE);
  await hold.uploads.append(uploadId, 0, bodyOf(noise(9 * MIB)));
  await hold.uploads.abort(uploadId);
  assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  for (const id of [uploadId, "nonsense", "", "x".repeat(9000)]) {
    await assert.rejects(hold.uploads.abort(id), code("BLOB_UPLOAD_UNKNOWN"));
    assert.equal(await hold.uploads.status(id), undefined);
  }
});

onEachStore(
  "an upload aborted while bytes come in stays aborted",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const { uploadId } = await hold.uploads.initiate(ALICE);
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
    const appending = hold.uploads.append(uploadId, 0, body);
    await hold.uploads.abort(uploadId);
    more();
    await assert.rejects(appending, AppError);
    assert.equal(await hold.uploads.status(uploadId), undefined);
    clock.advance(2 * DAY);
    await hold.uploads.sweep();
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachStore(
  "the sweep removes what nobody finishes, and nothing else",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(9 * MIB);
    const dead = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(dead.uploadId, 0, bodyOf(bytes));
    // What a crash leaves: an upload of the store, and an object, without row.
    const orphan = await store.createMultipart(
      hold.keys.upload(crypto.randomUUID()),
    );
    await store.putPart(orphan, 1, noise(10));
    await store.put(hold.keys.upload(`${crypto.randomUUID()}_77`), noise(10));
    clock.advance(DAY / 2);
    const alive = await hold.uploads.initiate(ALICE);
    await hold.uploads.append(alive.uploadId, 0, bodyOf(bytes));
    assert.equal(await hold.uploads.sweep(), 0);
    clock.advance(DAY / 2 + 60_000);
    assert.equal(await hold.uploads.status(dead.uploadId), undefined);
    assert.ok(await hold.uploads.sweep() >= 3);
    assert.equal(await hold.uploads.sweep(), 0);
    await hold.uploads.complete(alive.uploadId, digestOf(bytes));
    assert.deepEqual(await contents(store), {
      keys: [hold.keys.blob(digestOf(bytes))],
      uploads: 0,
    });
  },
);

onEachStore(
  "parts may come in any order, twice, and by two ways",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(11 * MIB);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const put = async (partNumber: number, from: number, to?: number) => {
      const body = bodyOf(bytes.subarray(from, to));
      const { etag } = await hold.uploads.putPart(uploadId, partNumber, body);
      return { partNumber, etag };
    };
    const third = await put(3, 10 * MIB);
    await hold.uploads.putPart(uploadId, 1, bodyOf(noise(5 * MIB, 9)));
    const [first, second] = await Promise.all([
      put(1, 0, 5 * MIB),
      put(2, 5 * MIB, 10 * MIB),
    ]);
    const quoted = { ...second, etag: `"${second.etag}"` };
    await hold.uploads.complete(uploadId, digestOf(bytes), [
      third,
      quoted,
      first,
    ]);
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.equal((await contents(store)).keys.length, 1);
  },
);

onEachStore(
  "parts that are missing, changed or wrong never become a blob",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const bytes = noise(6 * MIB);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await assert.rejects(
      hold.uploads.append(uploadId, 0, brokenBody(new Uint8Array())),
    );
    const { etag } = await hold.uploads.putPart(uploadId, 1, bodyOf(bytes));
    const part = { partNumber: 1, etag };
    for (
      const parts of [
        [part, { partNumber: 2, etag }],
        [{ partNumber: 1, etag: "other" }],
        [part, part],
      ]
    ) {
      await assert.rejects(
        hold.uploads.complete(uploadId, digestOf(bytes), parts),
        code("BLOB_UPLOAD_INVALID"),
      );
    }
    await assert.rejects(
      hold.uploads.complete(uploadId, WRONG, [part]),
      code("DIGEST_INVALID"),
    );
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachStore("a stream and parts do not mix", async (store, clock) => {
  await using hold = await openHold(store, clock);
  const one = await hold.uploads.initiate(ALICE);
  await hold.uploads.append(one.uploadId, 0, bodyOf(noise(10)));
  await assert.rejects(
    hold.uploads.putPart(one.uploadId, 1, bodyOf(noise(10))),
    code("BLOB_UPLOAD_INVALID"),
  );
  const two = await hold.uploads.initiate(ALICE);
  await hold.uploads.putPart(two.uploadId, 1, bodyOf(noise(10)));
  await assert.rejects(
    hold.uploads.append(two.uploadId, 0, bodyOf(noise(10))),
    code("BLOB_UPLOAD_INVALID"),
  );
  for (const partNumber of [0, -1, 1.5, 10_001, NaN]) {
    await assert.rejects(
      hold.uploads.putPart(two.uploadId, partNumber, bodyOf(noise(1))),
      code("INVALID_REQUEST"),
    );
  }
});

onEachStore(
  "a part URL of ours carries a ticket of this upload",
  async (store, clock) => {
    await using hold = await openHold(store, clock, { presign: false });
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const { url, method, headers } = await hold.uploads.partUrl(
      uploadId,
      7,
      ALICE,
    );
    assert.equal(
      url,
      "https://hold.example.com/xrpc/io.atcr.hold.uploadPart",
    );
    assert.equal(method, "PUT");
    assert.equal(headers["X-Upload-Id"], uploadId);
    assert.equal(headers["X-Part-Number"], "7");
    const ticket = headers["X-Upload-Ticket"] ?? "";
    assert.ok(await hold.uploads.acceptsTicket(uploadId, ticket));
    const other = await hold.uploads.initiate(ALICE);
    assert.ok(!await hold.uploads.acceptsTicket(other.uploadId, ticket));
    assert.ok(!await hold.uploads.acceptsTicket(uploadId, ""));
    await assert.rejects(
      hold.uploads.partUrl(uploadId, 1, BOB),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
  },
);

onEachStore(
  "a blob beyond the limit is refused while it comes in",
  async (store, clock) => {
    await using hold = await openHold(store, clock, { maxBlobBytes: 1000 });
    await assert.rejects(
      hold.uploads.initiate(ALICE, { size: 1001 }),
      code("TOO_LARGE"),
    );
    const { uploadId } = await hold.uploads.initiate(ALICE, { size: 1000 });
    await assert.rejects(
      hold.uploads.append(uploadId, 0, bodyOf(noise(1001), 100)),
      code("TOO_LARGE"),
    );
    assert.deepEqual(await hold.uploads.status(uploadId), { offset: 0 });
    await hold.uploads.append(uploadId, 0, bodyOf(noise(600)));
    await assert.rejects(
      hold.uploads.append(uploadId, 600, bodyOf(noise(401))),
      code("TOO_LARGE"),
    );
  },
);

onEachStore(
  "a quota ends an upload, however the size is told",
  async (store, clock) => {
    const remaining = new Map([[ALICE, 1000], [BOB, 0]]);
    await using hold = await openHold(store, clock, {
      allowance: { remaining: (did) => Promise.resolve(remaining.get(did)) },
    });
    for (const options of [{}, { size: 1 }]) {
      await assert.rejects(
        hold.uploads.initiate(BOB, options),
        code("QUOTA_EXCEEDED"),
      );
    }
    await assert.rejects(
      hold.uploads.initiate(ALICE, { size: 1001 }),
      code("QUOTA_EXCEEDED"),
    );
    const { uploadId } = await hold.uploads.initiate(ALICE);
    await assert.rejects(
      hold.uploads.append(uploadId, 0, bodyOf(noise(2000), 100)),
      code("QUOTA_EXCEEDED"),
    );
    const parts = await hold.uploads.initiate(ALICE);
    await assert.rejects(
      hold.uploads.putPart(parts.uploadId, 1, bodyOf(noise(2000), 100)),
      code("QUOTA_EXCEEDED"),
    );
  },
);

onEachStore(
  "a client that stalls is cut off and may go on later",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(noise(10)),
    });
    const appending = hold.uploads.append(uploadId, 0, body);
    let ended = false;
    appending.catch(() => undefined).finally(() => ended = true);
    for (let i = 0; i < 100 && !ended; i++) {
      clock.advance(LOCK_MS / 3);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await assert.rejects(appending, code("BLOB_UPLOAD_INVALID"));
    await hold.uploads.append(uploadId, 0, bodyOf(noise(10)));
  },
);

onEachStore(
  "an upload whose process died can be taken up after the lock's time",
  async (store, clock) => {
    await using hold = await openHold(store, clock);
    const { uploadId } = await hold.uploads.initiate(ALICE);
    const never = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(noise(10)),
    });
    const stop = new AbortController();
    const hanging = hold.uploads.append(uploadId, 0, never, stop.signal);
    const other = hold.restart();
    const bytes = noise(1000);
    await assert.rejects(
      other.status(uploadId).then(() =>
        other.append(uploadId, 0, bodyOf(bytes))
      ),
      code("CONFLICT"),
    );
    // The first process is stopped as a whole: its lock is not renewed.
    const frozen = clock.now() + LOCK_MS;
    clock.now = () => frozen;
    await other.append(uploadId, 0, bodyOf(bytes));
    stop.abort();
    await assert.rejects(hanging, AppError);
    await other.complete(uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

Deno.test("the usual push to S3 reads nothing back but the tail", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const bytes = noise(20 * MIB);
  const { uploadId } = await hold.uploads.initiate(ALICE);
  await hold.uploads.append(uploadId, 0, bodyOf(bytes));
  await hold.uploads.complete(uploadId, digestOf(bytes));
  assert.deepEqual(Object.fromEntries(store.calls), { putPart: 3, get: 1 });
});

Deno.test("a small blob needs no multipart upload in S3", async () => {
  const store = new StrictStore();
  await using hold = await openHold(store);
  const { uploadId } = await hold.uploads.initiate(ALICE);
  await hold.uploads.append(uploadId, 0, bodyOf(noise(5000)));
  await hold.uploads.complete(uploadId, digestOf(noise(5000)));
  assert.deepEqual(Object.fromEntries(store.calls), {});
});
