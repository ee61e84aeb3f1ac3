import assert from "node:assert/strict";
import { AppError, isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import { ManualClock } from "../../testing_clock.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  contents,
  noise,
  openHold,
  pushBlob,
  read,
  startUpload,
  StrictStore,
} from "../testing.ts";

/** A store that fails one call in ten, before or after it took effect. */
class FlakyStore extends StrictStore {
  faults = 0;
  active = true;
  #state = 42;

  async #flaky<T>(work: () => Promise<T>): Promise<T> {
    if (this.#dice(20)) this.#fail();
    const result = await work();
    if (this.#dice(20)) this.#fail();
    return result;
  }

  #dice(sides: number): boolean {
    this.#state = (this.#state * 1103515245 + 12345) & 0x7fffffff;
    return this.active && (this.#state >>> 16) % sides === 0;
  }

  #fail(): never {
    this.faults++;
    throw new AppError("UNAVAILABLE", "SlowDown");
  }

  override put(...args: Parameters<StrictStore["put"]>) {
    return this.#flaky(() => super.put(...args));
  }
  override move(...args: Parameters<StrictStore["move"]>) {
    return this.#flaky(() => super.move(...args));
  }
  override delete(...args: Parameters<StrictStore["delete"]>) {
    return this.#flaky(() => super.delete(...args));
  }
  override head(...args: Parameters<StrictStore["head"]>) {
    return this.#flaky(() => super.head(...args));
  }
  override createMultipart(
    ...args: Parameters<StrictStore["createMultipart"]>
  ) {
    return this.#flaky(() => super.createMultipart(...args));
  }
  override putPart(...args: Parameters<StrictStore["putPart"]>) {
    return this.#flaky(() => super.putPart(...args));
  }
  override listParts(...args: Parameters<StrictStore["listParts"]>) {
    return this.#flaky(() => super.listParts(...args));
  }
  override completeMultipart(
    ...args: Parameters<StrictStore["completeMultipart"]>
  ) {
    return this.#flaky(() => super.completeMultipart(...args));
  }
  override abortMultipart(...args: Parameters<StrictStore["abortMultipart"]>) {
    return this.#flaky(() => super.abortMultipart(...args));
  }
}

Deno.test("pushes to an unreliable store publish no wrong byte, and the sweep leaves none behind", async () => {
  const store = new FlakyStore();
  await using hold = await openHold(store);
  const blobs = [
    ...Array.from({ length: 200 }, (_, i) => noise(1000 + i, i)),
    ...Array.from({ length: 12 }, (_, i) => noise(9_000_000 + i, i)),
  ];
  let attempts = 0;
  for (const bytes of blobs) {
    const digest = digestOf(bytes);
    // Like clients, start a failed upload again.
    for (;;) {
      attempts++;
      try {
        const upload = await startUpload(hold, bytes);
        const { uploadId } = upload;
        await hold.uploads.complete(uploadId, digest);
        break;
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
        assert.equal(error.code, "UNAVAILABLE");
      }
    }
  }
  assert.ok(store.faults > 20, String(store.faults));
  assert.ok(attempts > blobs.length);
  store.active = false;
  for (const bytes of blobs) assert.deepEqual(await read(hold, bytes), bytes);
  hold.clock.advance(Date.now());
  await hold.uploads.sweep();
  const left = await contents(store);
  assert.equal(left.uploads, 0);
  assert.equal(left.keys.length, blobs.length);
});

Deno.test("an upload that failed in the store can be completed by a retry", async () => {
  const store = new FlakyStore();
  await using hold = await openHold(store);
  const until = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
        assert.equal(error.code, "UNAVAILABLE");
      }
    }
  };
  for (let i = 0; i < 20; i++) {
    const bytes = noise(9_000_000, i);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    const half = 4_000_000;
    await until(() =>
      hold.uploads.append(upload, 0, bodyOf(bytes.subarray(0, half)))
    );
    await until(() =>
      hold.uploads.append(upload, half, bodyOf(bytes.subarray(half)))
    );
    const { size } = await until(() =>
      hold.uploads.complete(uploadId, digestOf(bytes))
    );
    assert.equal(size, bytes.length);
    store.active = false;
    assert.deepEqual(await read(hold, bytes), bytes);
    store.active = true;
  }
  assert.ok(store.faults > 10, String(store.faults));
});

const MiB = 1024 * 1024;

/** Corrupts bytes in the store that wait for the rest of their part. */
async function rotTail(
  hold: Awaited<ReturnType<typeof openHold>>,
): Promise<void> {
  const { keys } = await contents(hold.store);
  const tail = keys.find((key) => key.startsWith(hold.keys.uploads));
  assert.ok(tail);
  const stored = await hold.store.get(tail);
  const bytes = new Uint8Array(await new Response(stored?.body).arrayBuffer());
  bytes[3] = (bytes[3] ?? 0) ^ 4;
  await hold.store.put(tail, bytes);
}

Deno.test("bytes changed by the store are not published", async () => {
  const bytes = noise(9 * MiB);
  const digest = digestOf(bytes);
  for (const last of [0, 100]) {
    await using hold = await openHold(new StrictStore());
    const upload = await hold.uploads.initiate(ALICE);
    const first = bytes.subarray(0, bytes.length - last);
    await hold.uploads.append(upload, 0, bodyOf(first));
    await rotTail(hold);
    const invalid = (error: unknown) =>
      isAppError(error, "BLOB_UPLOAD_INVALID") && /changed/.test(error.message);
    if (last > 0) {
      const rest = bodyOf(bytes.subarray(-last));
      await hold.uploads.append(upload, first.length, rest);
    }
    await assert.rejects(
      hold.uploads.complete(upload.uploadId, digest),
      invalid,
    );
    assert.equal(await hold.blobs.stat(digest), undefined);
  }
});

Deno.test("an object that the store joined with a wrong size is not published", async () => {
  class ShortStore extends StrictStore {
    override async completeMultipart(
      ...args: Parameters<StrictStore["completeMultipart"]>
    ) {
      const info = await super.completeMultipart(...args);
      const key = args[2] ?? args[0].key;
      const whole = await this.get(key);
      const bytes = new Uint8Array(
        await new Response(whole?.body).arrayBuffer(),
      );
      return await this.put(key, bytes.subarray(0, info.size - 1));
    }
  }
  const bytes = noise(9 * MiB);
  await using hold = await openHold(new ShortStore());
  const upload = await startUpload(hold, bytes);
  await assert.rejects(
    hold.uploads.complete(upload.uploadId, digestOf(bytes)),
    (error) => isAppError(error, "BLOB_UPLOAD_INVALID"),
  );
  assert.equal(await hold.blobs.stat(digestOf(bytes)), undefined);
});

/** A store whose process is killed just after it did the next `at`. */
class KillingStore extends StrictStore {
  at: "move" | "delete" | undefined;

  async #done<T>(name: "move" | "delete", result: Promise<T>): Promise<T> {
    await result;
    if (this.at === name) {
      this.at = undefined;
      await new Promise(() => {});
    }
    return await result;
  }
  override move(...args: Parameters<StrictStore["move"]>) {
    return this.#done("move", super.move(...args));
  }
  override delete(...args: Parameters<StrictStore["delete"]>) {
    return this.#done("delete", super.delete(...args));
  }
}

Deno.test("an upload is completed by another process when the first one is killed in between", async () => {
  const cases = [["move", 1], ["move", 2], ["delete", 2], ["delete", 9]];
  for (const [at, mib] of cases as [KillingStore["at"], number][]) {
    const store = new KillingStore();
    await using hold = await openHold(store);
    const bytes = noise(mib * MiB + 2_000);
    // Its clock stands still: it renews no lock after its end.
    const clock = new ManualClock(hold.clock.now());
    const killed = hold.restart({ clock });
    const upload = await killed.initiate(ALICE);
    const pieces = [0, 1, 2, 9].filter((i) => i <= mib).map((i) => i * MiB);
    for (const [i, from] of pieces.entries()) {
      const chunk = bytes.subarray(from, pieces[i + 1]);
      await killed.append(upload, from, bodyOf(chunk));
    }
    store.at = at;
    void killed.finish(upload, digestOf(bytes));
    while (store.at) await new Promise((go) => setTimeout(go, 5));
    hold.clock.advance(31_000);
    const { size } = await hold.restart().finish(upload, digestOf(bytes));
    assert.equal(size, bytes.length, `${at} ${mib}`);
    assert.deepEqual(await read(hold, bytes), bytes);
  }
});

Deno.test("an upload whose bytes the store has lost does not become a blob of others", async () => {
  for (const size of [MiB, 9 * MiB]) {
    await using hold = await openHold(new StrictStore());
    const secret = await pushBlob(hold, noise(size, 2));
    hold.clock.advance(60_000);
    const upload = await hold.uploads.reserve(BOB);
    await hold.uploads.append(upload, 0, bodyOf(noise(size, 3)));
    // Rules of a bucket may end old multipart uploads, and delete old objects.
    let isLost = false;
    for await (const { upload } of hold.store.listMultiparts("")) {
      await hold.store.abortMultipart(upload);
      isLost = true;
    }
    for (const key of isLost ? [] : (await contents(hold.store)).keys) {
      if (key.startsWith(hold.keys.uploads)) await hold.store.delete(key);
    }
    await assert.rejects(
      hold.restart().finish(upload, secret),
      (error) =>
        isAppError(error, "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"),
    );
    const known = hold.kv.list({ prefix: ["hold", "uploader"] });
    for await (const { key } of known) assert.ok(!key.includes(BOB));
  }
});
