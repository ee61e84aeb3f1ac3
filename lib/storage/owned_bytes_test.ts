import assert from "node:assert/strict";
import { FilesystemBlobStore } from "./filesystem/filesystem.ts";
import { BufferPool, own, release } from "./owned_bytes.ts";

Deno.test("released bytes are empty if they are owned, and whole otherwise", () => {
  const owned = own(new Uint8Array(100).fill(1));
  release(owned);
  assert.equal(owned.length, 0);
  release(owned); // A second time nothing happens.
  const others = new Uint8Array(100).fill(1);
  release(others);
  assert.equal(others.length, 100);
});

Deno.test("bytes that share their buffer with others cannot be owned", () => {
  const buffer = new Uint8Array(100).fill(1);
  release(own(buffer.subarray(0, 50)));
  assert.equal(buffer.length, 100);
  const owned = own(buffer);
  release(owned.subarray(0, 50)); // A view of owned bytes is not owned.
  assert.equal(buffer.length, 100);
});

Deno.test("the store releases the owned chunks of a body, and leaves those of its caller alone", async () => {
  const folder = await Deno.makeTempDir();
  const store = new FilesystemBlobStore({ folder });
  const owned = [1, 2, 3].map((n) => own(new Uint8Array(300_000).fill(n)));
  const others = [4, 5, 6].map((n) => new Uint8Array(300_000).fill(n));
  try {
    const upload = await store.createMultipart("a/b");
    const chunks = [...owned, ...others];
    const body = ReadableStream.from(chunks);
    const part = await store.putPart(upload, 1, body, { offset: 0 });
    await store.completeMultipart(upload, [part]);
    assert.deepEqual(owned.map(({ length }) => length), [0, 0, 0]);
    assert.deepEqual(others.map(({ length }) => length), [300e3, 300e3, 300e3]);
    const stored = await Deno.readFile(`${folder}/a/b`);
    assert.equal(stored.length, 1_800_000);
    assert.ok(stored.every((byte, i) => byte === 1 + Math.floor(i / 300_000)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the buffers of a pool are used again once they are released, and earlier views of them are empty", () => {
  const pool = new BufferPool(1_000, 1);
  const first = pool.take();
  first.fill(7);
  release(first);
  release(first);
  assert.equal(first.length, 0);
  const second = pool.take();
  assert.equal(second.length, 1_000);
  assert.equal(second[999], 7, "it is the same memory");
  const third = pool.take();
  assert.equal(third[999], 0, "nobody else has it");
  release(second);
  release(third); // One more than the pool keeps.
  assert.equal(pool.take()[999], 7);
  assert.equal(pool.take()[999], 0);
});
