import assert from "node:assert/strict";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  bodyOf,
  code,
  contents,
  noise,
  openHold,
  read,
  StrictStore,
} from "../testing.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Counts the bytes written outside of parts. */
class CountingStore extends StrictStore {
  written = 0;

  override put(...args: Parameters<StrictStore["put"]>) {
    const [, bytes] = args;
    if (bytes instanceof Uint8Array) this.written += bytes.length;
    return super.put(...args);
  }
}

/** Sends `bytes` in chunks of `sizeOf(i)` bytes; returns the upload and what it cost. */
async function send(bytes: Uint8Array, sizeOf: (i: number) => number) {
  const store = new CountingStore();
  const hold = await openHold(store);
  const upload = await hold.uploads.initiate(ALICE);
  let most = 0;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const chunk = bytes.subarray(at, at + sizeOf(i));
    await hold.uploads.append(upload, at, bodyOf(chunk));
    at += chunk.length;
    most = Math.max(most, (await contents(store)).keys.length);
  }
  return { store, hold, upload, most };
}

Deno.test("small requests write their bytes a few times and leave few objects", async () => {
  const shapes: [string, number, (i: number) => number][] = [
    ["equal", 2 * MIB, () => 4 * KIB],
    ["getting smaller", 2 * MIB, (i) => 3_000 - i],
    ["growing", 2 * MIB, (i) => 10 * i + 1],
  ];
  for (const [name, size, sizeOf] of shapes) {
    const bytes = noise(size);
    const { hold, store, upload, most } = await send(bytes, sizeOf);
    await using _ = hold;
    assert.ok(store.written < 8 * size, `${name}: ${store.written} bytes`);
    assert.ok(most < 20, `${name}: ${most} objects`);
    await hold.uploads.complete(upload.uploadId, digestOf(bytes));
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.deepEqual((await contents(store)).keys.length, 1);
  }
});

Deno.test("a part is joined of the pieces before it, and cancelled uploads leave none", async () => {
  const bytes = noise(8 * MIB + 700 * KIB);
  const sizes = [5 * MIB, 2 * MIB, 700 * KIB, 5];
  const { hold, store, upload } = await send(
    bytes,
    (i) => sizes[i] ?? 300 * KIB,
  );
  await using _ = hold;
  assert.equal(store.calls.get("putPart"), 1);
  await hold.uploads.complete(upload.uploadId, digestOf(bytes));
  assert.deepEqual(await read(hold, bytes), bytes);
  const other = await send(bytes, (i) => sizes[i] ?? 300 * KIB);
  await using __ = other.hold;
  await other.hold.uploads.abort(other.upload);
  assert.deepEqual((await contents(other.store)).keys, []);
});

Deno.test("a joined tail with another digest leaves no object", async () => {
  const bytes = noise(MIB);
  const { hold, store, upload } = await send(
    bytes,
    (i) => i === 0 ? 900 * KIB : MIB,
  );
  await using _ = hold;
  const digest = `sha512:${"0".repeat(128)}` as const;
  await assert.rejects(
    hold.uploads.finish(upload, digest),
    code("DIGEST_INVALID"),
  );
  assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
});
