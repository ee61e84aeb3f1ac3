/**
 * Contract of every blob store driver for multipart uploads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Multipart, Part } from "../../lib/storage/blob_store.ts";
import {
  brokenAfter,
  collect,
  joined,
  noise,
  streamOf,
} from "../support/bytes.ts";
import { rejects } from "../support/rejects.ts";
import type { DeclareTest } from "./blob_store_contract.ts";

/** Declares the tests of parts; the property test has `runs` of them. */
export function partsContract(test: DeclareTest, runs: number): void {
  test(
    "parts become the object in ascending order, not before completion",
    async ({ another }, store) => {
      const first = noise(store.parts.minBytes + 17);
      const last = noise(1000);
      const begun = await store.createMultipart("m/1", { contentType: "t/t" });
      // The handle is serialised as JSON and another instance continues.
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
    "a repeated part replaces the earlier one",
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
    "a refused completion changes nothing and can be corrected",
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

  test("a part number out of range is refused", async (_, store) => {
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
    "a broken body creates no part, and the others stay",
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
    "any split of the content returns the same bytes",
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
            const place = placed && store.positional ? { offset } : {};
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

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
