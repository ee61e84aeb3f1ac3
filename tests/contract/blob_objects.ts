/**
 * Contract of every blob store driver for objects.
 *
 * @module
 */

import assert from "node:assert/strict";
import { collect, noise } from "../support/bytes.ts";
import { rejects } from "../support/rejects.ts";
import type { DeclareTest } from "./blob_store_contract.ts";

/** Declares the tests of objects: put, read, moved, listed, deleted. */
export function objectContract(test: DeclareTest): void {
  test("a usable store passes its check", (_, store) => store.check());

  test("an object is read back with its headers", async (_, store) => {
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

  test("an empty object is stored", async (_, store) => {
    await store.put("a/empty", new Uint8Array());
    assert.equal((await store.head("a/empty"))?.size, 0);
    const got = await store.get("a/empty");
    assert.deepEqual(await collect(got?.body), new Uint8Array());
  });

  test(
    "a missing object is undefined and its deletion succeeds",
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
    "a range returns its bytes and the size of the whole",
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

  test("an empty range is refused", async (_, store) => {
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

  test(
    "an object of an unexpected size is not moved",
    async (_, store) => {
      const bytes = noise(1000);
      await store.put("size/from", bytes);
      await store.put("size/to", noise(3));
      for (const size of [999, 1001, 0]) {
        await rejects(
          store.move("size/from", "size/to", size),
          "BLOB_UPLOAD_INVALID",
        );
      }
      assert.equal((await store.head("size/from"))?.size, 1000);
      assert.equal((await store.head("size/to"))?.size, 3);
      await store.move("size/from", "size/to", 1000);
      const got = await store.get("size/to");
      assert.deepEqual(await collect(got?.body), bytes);
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

  test("no call accepts a key that escapes its root", async (_, store) => {
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
}
