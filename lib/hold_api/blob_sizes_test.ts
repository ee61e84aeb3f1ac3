import assert from "node:assert/strict";
import { digestOf } from "../oci/digest.ts";
import { sizesOf } from "./blob_sizes.ts";
import { MAX_MISSING } from "./hold_client.ts";

const digests = Array.from(
  { length: 1_000 },
  (_, i) => digestOf(new TextEncoder().encode(String(i))),
);
const sizeOf = new Map(digests.map((digest, i) => [digest, i]));

Deno.test("many blobs are looked up a few at a time and returned in order", async () => {
  let [busy, most] = [0, 0];
  const sizes = await sizesOf(digests, async (digest) => {
    most = Math.max(most, ++busy);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
    busy--;
    return sizeOf.get(digest);
  });
  assert.deepEqual(sizes, [...sizeOf.values()]);
  assert.ok(most > 1 && most <= 16, String(most));
});

Deno.test("lookups stop once enough blobs are missing", async () => {
  let asked = 0;
  const sizes = await sizesOf(digests, () => {
    asked++;
    return Promise.resolve(undefined);
  });
  assert.equal(sizes.length, digests.length);
  assert.ok(asked >= MAX_MISSING && asked < MAX_MISSING + 16, String(asked));
});

Deno.test("a failure and an abort end the lookups", async () => {
  let asked = 0;
  const fail = () => {
    asked++;
    return Promise.reject(new Error("down"));
  };
  await assert.rejects(sizesOf(digests, fail), /down/);
  assert.ok(asked <= 16, String(asked));
  const over = AbortSignal.abort(new Error("gone"));
  await assert.rejects(sizesOf(digests, fail, over), /gone/);
});
