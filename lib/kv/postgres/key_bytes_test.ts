import assert from "node:assert/strict";
import fc from "fast-check";
import type { Key } from "../kv.ts";
import { decodeKey, encodeKey } from "./key_bytes.ts";

/** Parts around the borders of every type. */
const part = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: fc.constantFrom("\0", "a", "é", "\u{10ffff}") }),
  fc.uint8Array({ maxLength: 6 }),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
  fc.constantFrom(...[0, 8, 16, 63, 64].flatMap((bits) => {
    const value = 2n ** BigInt(bits);
    return [value, -value, value - 1n, 1n - value];
  })),
  fc.constantFrom(0, -0, Infinity, -Infinity, Number.MIN_VALUE),
  fc.boolean(),
);
const keys = fc.uniqueArray(fc.array(part, { minLength: 1, maxLength: 4 }), {
  selector: (key) => encodeKey(key).toString("hex"),
  maxLength: 40,
});

Deno.test("encoded keys have the order of Deno KV, and decode to what they were", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    await fc.assert(
      fc.asyncProperty(keys, async (all: Key[]) => {
        for (const key of all) await kv.set(key, 1);
        const listed = await Array.fromAsync(kv.list({ prefix: [] }));
        for (const { key } of listed) await kv.delete(key);
        const sorted = all.map(encodeKey).toSorted((a, b) => a.compare(b));
        assert.deepEqual(
          sorted.map(decodeKey),
          listed.map(({ key }) => [...key]),
        );
      }),
      { numRuns: 60 },
    );
  } finally {
    kv.close();
  }
});

Deno.test("bytes that are no key are refused", () => {
  for (const wrong of [[0x02, 0x61], [0x21, 1, 2], [0x15], [0x30], [0x1d]]) {
    assert.throws(() => decodeKey(new Uint8Array(wrong)), RangeError);
  }
});
