import assert from "node:assert/strict";
import * as atcute from "@atcute/cid";
import fc from "fast-check";
import { cidBytes, cidOfBlock, cidOfRaw, hashOfCid, isCid } from "./cid.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

Deno.test("another implementation writes and reads the same CIDs", () => {
  fc.assert(fc.property(hash, (hash) => {
    const block = atcute.fromDigest(atcute.CODEC_DCBOR, hash);
    const raw = atcute.fromDigest(atcute.CODEC_RAW, hash);
    assert.equal(cidOfRaw(hash), atcute.toString(raw));
    const text = atcute.toString(block);
    assert.deepEqual(new Uint8Array(cidBytes(text)), block.bytes);
    assert.deepEqual(new Uint8Array(hashOfCid(text)), hash);
    assert.equal(isCid(text, "raw"), false);
    assert.equal(isCid(cidOfRaw(hash), "raw"), true);
  }));
});

Deno.test("another implementation computes the same CID of a block", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array(), async (bytes) => {
    const block = await atcute.create(atcute.CODEC_DCBOR, bytes);
    assert.equal(cidOfBlock(bytes), atcute.toString(block));
  }));
});

Deno.test("another implementation refuses the same texts as CIDs", () => {
  const mutated = fc.tuple(hash, fc.nat(58), fc.string({ maxLength: 2 }))
    .map(([hash, at, piece]) => {
      const text = cidOfBlock(hash);
      return text.slice(0, at) + piece + text.slice(at + piece.length);
    });
  const others = fc.constantFrom(
    "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
    "bafkqaaa", // The identity hash.
    "BAFYREIE5737GDXLW5I64VZICHCALBA3Z2V5N6ICIFVX5XYTVSKE7MR3HPM",
    "",
  );
  fc.assert(
    fc.property(fc.oneof(mutated, others, fc.string()), (text) => {
      let expected = true;
      try {
        atcute.fromString(text);
      } catch {
        expected = false;
      }
      assert.equal(isCid(text), expected);
    }),
    { numRuns: 2_000 },
  );
});
