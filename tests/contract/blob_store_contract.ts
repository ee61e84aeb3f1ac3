/**
 * What every driver of the blob store must do, as tests named by sentences.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { type ErrorCode, isAppError } from "../../lib/errors.ts";
import type {
  BlobStore,
  Multipart,
  Part,
} from "../../lib/storage/blob_store.ts";

/** A store under test. */
export interface Subject {
  store: BlobStore;
  /** A second driver on the same data, as another instance would have. */
  another(): BlobStore;
  close(): Promise<void>;
}

/** How a driver is tested. */
export interface ContractOptions {
  /** Named in front of every test. */
  name: string;
  open(): Promise<Subject>;
  /** Skips everything, for example because no server was named. */
  ignore?: boolean;
  /** Runs of the property test. */
  runs?: number;
}

/** Declares the tests of the contract for one driver. */
export function blobStoreContract(options: ContractOptions): void {
  const { name, open, ignore = false, runs = 60 } = options;
  const test = (
    sentence: string,
    run: (subject: Subject, store: BlobStore) => Promise<void>,
  ) =>
    Deno.test({
      name: `${name}: ${sentence}`,
      ignore,
      fn: async () => {
        const subject = await open();
        try {
          await run(subject, subject.store);
        } finally {
          await subject.close();
        }
      },
    });

  test("a usable store passes its check", (_, store) => store.check());

  test("what was put is read back with its headers", async (_, store) => {
    const bytes = noise(100_000);
    const headers = { contentType: "image/webp", cacheControl: "max-age=60" };
    const put = await store.put("a/did:plc:x/b.c", bytes, headers);
    const head = await store.head("a/did:plc:x/b.c");
    assert.equal(head?.size, bytes.length);
    assert.equal(head?.contentType, "image/webp");
    assert.equal(head?.cacheControl, "max-age=60");
    assert.equal(head?.etag, put.etag);
    assert.ok(!put.etag.includes('"') && put.etag !== "");
    assert.ok(Math.abs(put.modifiedAt - Date.now()) < 60_000);
    const got = await store.get("a/did:plc:x/b.c");
    assert.deepEqual(got?.info, head);
    assert.deepEqual(await collect(got?.body), bytes);
  });

  test("a put replaces content, headers and ETag", async (_, store) => {
    const before = await store.put("a/b", noise(10), { contentType: "a/b" });
    await store.put("a/b", noise(11));
    const after = await store.head("a/b");
    assert.equal(after?.size, 11);
    assert.notEqual(after?.etag, before.etag);
    assert.notEqual(after?.contentType, "a/b");
  });

  test("an empty object is an object", async (_, store) => {
    await store.put("a/empty", new Uint8Array());
    assert.equal((await store.head("a/empty"))?.size, 0);
    const got = await store.get("a/empty");
    assert.deepEqual(await collect(got?.body), new Uint8Array());
  });

  test(
    "what is not there is undefined and deletes quietly",
    async (_, store) => {
      await store.put("a/b", noise(1));
      for (const key of ["nope", "a", "a/b/c", "a/bb"]) {
        assert.equal(await store.head(key), undefined);
        assert.equal(await store.get(key), undefined);
        await store.delete(key);
      }
      assert.equal((await store.head("a/b"))?.size, 1);
      await rejects(store.move("nope", "x"), "BLOB_UNKNOWN");
    },
  );

  test("a deleted object is gone", async (_, store) => {
    await store.put("a/b", noise(5), { contentType: "x/y" });
    await store.delete("a/b");
    assert.equal(await store.head("a/b"), undefined);
    await store.put("a/b", noise(5));
    assert.notEqual((await store.head("a/b"))?.contentType, "x/y");
  });

  test(
    "a range gives its bytes and the size of the whole",
    async (_, store) => {
      const bytes = noise(700_000);
      await store.put("r", bytes);
      for (const [start, end] of [[0, 0], [5, 699_998], [300_000, 300_009]]) {
        if (start === undefined || end === undefined) continue;
        const got = await store.get("r", { start, end });
        assert.equal(got?.info.size, bytes.length);
        assert.deepEqual(
          await collect(got?.body),
          bytes.slice(start, end + 1),
        );
      }
      const tail = await store.get("r", { start: 699_999, end: 10_000_000 });
      assert.deepEqual(await collect(tail?.body), bytes.slice(699_999));
    },
  );

  test("a range without bytes is refused", async (_, store) => {
    await store.put("r", noise(10));
    for (const [start, end] of [[10, 11], [5, 4], [-1, 3], [0.5, 2]]) {
      if (start === undefined || end === undefined) continue;
      await rejects(store.get("r", { start, end }), "RANGE_INVALID");
    }
  });

  test("a body can be cancelled and a read aborted", async (_, store) => {
    await store.put("r", noise(3_000_000));
    const first = await store.get("r");
    const reader = first?.body.getReader();
    await reader?.read();
    await reader?.cancel();

    const controller = new AbortController();
    const second = await store.get("r", undefined, controller.signal);
    controller.abort(new Error("client gone"));
    await assert.rejects(collect(second?.body));
    await assert.rejects(store.get("r", undefined, controller.signal));
    assert.equal(
      (await collect((await store.get("r"))?.body)).length,
      3_000_000,
    );
  });

  test(
    "a move keeps bytes and headers and replaces the target",
    async (_, store) => {
      const bytes = noise(1000);
      await store.put("new/b/data", noise(3), { contentType: "old/type" });
      await store.put("up/1/data", bytes, { contentType: "t/t" });
      await store.move("up/1/data", "new/b/data");
      assert.equal(await store.head("up/1/data"), undefined);
      const got = await store.get("new/b/data");
      assert.equal(got?.info.contentType, "t/t");
      assert.deepEqual(await collect(got?.body), bytes);
      await store.put("up/2/data", bytes);
      await store.move("up/2/data", "new/b/data");
      assert.notEqual((await store.head("new/b/data"))?.contentType, "t/t");
    },
  );

  test("keys are listed by prefix in key order", async (_, store) => {
    const keys = ["a-b", "a.b", "a/1", "a/10", "a/2", "a/did:plc:x/y", "b/1"];
    for (const key of keys.toReversed()) {
      await store.put(key, noise(key.length), { contentType: "t/t" });
    }
    const listed = async (prefix: string) => {
      const found = [];
      for await (const { key, info } of store.list(prefix)) {
        assert.equal(info.size, key.length);
        found.push(key);
      }
      return found;
    };
    assert.deepEqual(await listed(""), keys);
    assert.deepEqual(await listed("a/"), keys.slice(2, 6));
    assert.deepEqual(await listed("a/1"), ["a/1", "a/10"]);
    assert.deepEqual(await listed("a/did:plc:x/"), ["a/did:plc:x/y"]);
    assert.deepEqual(await listed("c"), []);
  });

  test("no call takes a key that leaves its place", async (_, store) => {
    for (const key of ["", "../x", "/etc/passwd", "a/../b", ".uploads/x"]) {
      const upload = { key, id: crypto.randomUUID() };
      for (
        const call of [
          () => store.head(key),
          () => store.get(key),
          () => store.put(key, noise(1)),
          () => store.delete(key),
          () => store.move(key, "a"),
          () => store.move("a", key),
          () => store.createMultipart(key),
        ]
      ) await rejects(call(), "INVALID_REQUEST");
      await assert.rejects(store.putPart(upload, 1, noise(1)));
      await assert.rejects(store.completeMultipart(upload, []));
    }
  });

  test(
    "parts become the object in rising order, not before completion",
    async ({ another }, store) => {
      const first = noise(store.parts.minBytes + 17);
      const last = noise(1000);
      const begun = await store.createMultipart("m/1", { contentType: "t/t" });
      // The handle goes through JSON and another instance goes on.
      const upload: Multipart = JSON.parse(JSON.stringify(begun));
      const b = await store.putPart(upload, 7, streamOf(last, 300));
      const a = await another().putPart(upload, 2, streamOf(first, 65_536));
      assert.equal(a.size, first.length);
      assert.deepEqual(await store.listParts(upload), [a, b]);
      assert.equal(await store.head("m/1"), undefined);
      const info = await another().completeMultipart(upload, [b, a]);
      assert.equal(info.size, first.length + last.length);
      assert.equal(info.contentType, "t/t");
      const got = await store.get("m/1");
      assert.deepEqual(got?.info, info);
      assert.deepEqual(await collect(got?.body), joined([first, last]));
    },
  );

  test(
    "a part uploaded twice counts once, with the later bytes",
    async (_, store) => {
      const upload = await store.createMultipart("m/2");
      const old = await store.putPart(upload, 1, noise(10));
      const part = await store.putPart(upload, 1, noise(20));
      assert.deepEqual(await store.listParts(upload), [part]);
      await rejects(
        store.completeMultipart(upload, [{ ...old, etag: "0".repeat(32) }]),
        "BLOB_UPLOAD_INVALID",
      );
      const info = await store.completeMultipart(upload, [part]);
      assert.equal(info.size, 20);
    },
  );

  test(
    "a refused completion changes nothing and can be mended",
    async (_, store) => {
      const upload = await store.createMultipart("m/3");
      const part = await store.putPart(upload, 1, noise(10));
      const wrong: Part[][] = [
        [{ ...part, etag: "0123456789abcdef" }],
        [{ ...part, partNumber: 2 }],
        [part, { ...part, partNumber: 2 }],
        [part, part],
        [{ ...part, partNumber: 0 }],
      ];
      for (const parts of wrong) {
        await rejects(
          store.completeMultipart(upload, parts),
          "BLOB_UPLOAD_INVALID",
        );
      }
      assert.equal(await store.head("m/3"), undefined);
      const quoted = { ...part, etag: `"${part.etag}"` };
      assert.equal((await store.completeMultipart(upload, [quoted])).size, 10);
    },
  );

  test("a part number out of bounds is refused", async (_, store) => {
    const upload = await store.createMultipart("m/4");
    for (const number of [0, -1, 1.5, 10_001, NaN]) {
      await rejects(
        store.putPart(upload, number, noise(1)),
        "BLOB_UPLOAD_INVALID",
      );
    }
    await store.abortMultipart(upload);
  });

  test(
    "an aborted upload is unknown and leaves no object",
    async (_, store) => {
      const upload = await store.createMultipart("m/5");
      const part = await store.putPart(upload, 1, noise(10));
      await store.abortMultipart(upload);
      await store.abortMultipart(upload);
      await rejects(store.putPart(upload, 1, noise(1)), "BLOB_UPLOAD_UNKNOWN");
      await rejects(store.listParts(upload), "BLOB_UPLOAD_UNKNOWN");
      await rejects(
        store.completeMultipart(upload, [part]),
        "BLOB_UPLOAD_UNKNOWN",
      );
      assert.equal(await store.head("m/5"), undefined);
    },
  );

  test(
    "the handle of another key or a made-up id is unknown",
    async (_, store) => {
      const upload = await store.createMultipart("m/6");
      for (
        const other of [{ ...upload, key: "m/7" }, { ...upload, id: "../x" }]
      ) {
        await rejects(store.putPart(other, 1, noise(1)), "BLOB_UPLOAD_UNKNOWN");
        await rejects(store.listParts(other), "BLOB_UPLOAD_UNKNOWN");
      }
      await store.abortMultipart(upload);
    },
  );

  test("an upload without bytes becomes an empty object", async (_, store) => {
    const none = await store.createMultipart("m/8");
    assert.equal((await store.completeMultipart(none, [])).size, 0);
    const empty = await store.createMultipart("m/9");
    const part = await store.putPart(empty, 1, new Uint8Array());
    assert.equal((await store.completeMultipart(empty, [part])).size, 0);
    assert.equal((await store.head("m/9"))?.size, 0);
  });

  test("parts can be joined under another key", async (_, store) => {
    const upload = await store.createMultipart("m/14", { contentType: "a/b" });
    const bytes = noise(10);
    const part = await store.putPart(upload, 1, bytes);
    const info = await store.completeMultipart(upload, [part], "n/1/data");
    assert.equal(info.size, 10);
    assert.equal(info.contentType, "a/b");
    const got = await store.get("n/1/data");
    assert.deepEqual(await collect(got?.body), bytes);
    assert.equal(await store.head("m/14"), undefined);
  });

  test(
    "a body that breaks off is no part, and the others stay",
    async (_, store) => {
      const upload = await store.createMultipart("m/10");
      const kept = await store.putPart(upload, 1, noise(store.parts.minBytes));
      const broken = brokenAfter(noise(100_000), new Error("client gone"));
      await assert.rejects(store.putPart(upload, 2, broken), /client gone/);
      const signal = AbortSignal.abort(new Error("stopped"));
      await assert.rejects(
        store.putPart(upload, 2, noise(10), { signal }),
        /stopped/,
      );
      assert.deepEqual(await store.listParts(upload), [kept]);
      const info = await store.completeMultipart(upload, [kept]);
      assert.equal(info.size, store.parts.minBytes);
    },
  );

  test("an abort stops a part that waits for its sender", async (_, store) => {
    const upload = await store.createMultipart("m/11");
    const controller = new AbortController();
    const cancelled = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.enqueue(noise(10));
        setTimeout(() => controller.abort(new Error("too slow")), 5);
        return new Promise(() => {});
      },
      cancel: () => cancelled.resolve(),
    });
    const { signal } = controller;
    await assert.rejects(
      store.putPart(upload, 1, body, { signal }),
      /too slow/,
    );
    await cancelled.promise;
    assert.deepEqual(await store.listParts(upload), []);
    await store.abortMultipart(upload);
  });

  test("uploads in progress are listed until they end", async (_, store) => {
    const a = await store.createMultipart("up/a/data");
    const b = await store.createMultipart("up/b/data");
    const c = await store.createMultipart("other/c");
    const listed = async (prefix: string) => {
      const keys = [];
      for await (const { upload, startedAt } of store.listMultiparts(prefix)) {
        assert.ok(Math.abs(startedAt - Date.now()) < 60_000);
        assert.deepEqual(await store.listParts(upload), []);
        keys.push(upload.key);
      }
      return keys.sort();
    };
    assert.deepEqual(await listed("up/"), ["up/a/data", "up/b/data"]);
    assert.deepEqual(await listed("up/b"), ["up/b/data"]);
    await store.abortMultipart(a);
    await store.completeMultipart(b, [await store.putPart(b, 1, noise(1))]);
    assert.deepEqual(await listed("up/"), []);
    assert.deepEqual(await listed(""), ["other/c"]);
    await store.abortMultipart(c);
  });

  test(
    "however the content is split, the same bytes come back",
    async (_, store) => {
      const { minBytes } = store.parts;
      const part = fc.record({
        size: fc.integer({ min: 0, max: 150_000 }),
        chunk: fc.constantFrom(1000, 4096, 65_537, 1_000_000),
        asBytes: fc.boolean(),
        placed: fc.boolean(),
        again: fc.boolean(),
      });
      const plan = fc.record({
        parts: fc.array(part, {
          minLength: 1,
          maxLength: minBytes > 1 ? 2 : 8,
        }),
        gap: fc.integer({ min: 1, max: 3 }),
        backwards: fc.boolean(),
      });
      const property = fc.asyncProperty(
        plan,
        async ({ parts, gap, backwards }) => {
          const pieces = parts.map(({ size }, index) =>
            noise(
              size + (minBytes > 1 && index < parts.length - 1 ? minBytes : 0),
            )
          );
          const content = joined(pieces);
          const upload = await store.createMultipart("m/split");
          const order = parts.keys().toArray();
          if (backwards) order.reverse();
          const done: Part[] = [];
          for (const index of order) {
            const { chunk, asBytes, placed, again } = parts[index] ??
              assert.fail();
            const piece = pieces[index] ?? assert.fail();
            const before = pieces.slice(0, index);
            const offset = before.reduce((sum, { length }) => sum + length, 0);
            const place = placed && minBytes === 1 ? { offset } : {};
            const send = (body: Uint8Array) =>
              store.putPart(
                upload,
                1 + index * gap,
                asBytes ? body : streamOf(body, chunk),
                place,
              );
            if (again) await send(noise(piece.length));
            done.push(await send(piece));
          }
          const info = await store.completeMultipart(upload, done);
          assert.equal(info.size, content.length);
          const got = await store.get("m/split");
          assert.ok(equal(await collect(got?.body), content));
        },
      );
      await fc.assert(property, { numRuns: runs });
    },
  );
}

/** Bytes that compress badly and differ from call to call. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** `bytes` as a stream of pieces that are views into one buffer. */
function streamOf(
  bytes: Uint8Array,
  chunk: number,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + chunk));
      at += chunk;
    },
  });
}

/** Everything that `body` gives. */
export async function collect(
  body: ReadableStream<Uint8Array> | undefined,
): Promise<Uint8Array> {
  assert.ok(body, "there is no body");
  return joined(await Array.fromAsync(body));
}

/** Fails unless `call` rejects with an AppError of one of `codes`. */
export async function rejects(
  call: Promise<unknown>,
  ...codes: ErrorCode[]
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isAppError(error, ...codes), `${error} is no ${codes}`);
    return true;
  });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function brokenAfter(
  bytes: Uint8Array,
  error: Error,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    pull: (controller) => controller.error(error),
  }, { highWaterMark: 0 });
}
