import assert from "node:assert/strict";
import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import {
  blobReferences,
  decodeRecord,
  encodeRecord,
  type RecordValue,
} from "./record_data.ts";

/** JSON as people may send it, with links, bytes and names that look like them. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.constantFrom("$link", "$bytes", "__proto__", "constructor", "é"),
      ),
      tie("value"),
      { maxKeys: 4 },
    ),
    fc.constantFrom(
      { $link: "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm" },
      { $bytes: "AAEC" },
      { $bytes: "AAECAw" },
    ),
  ),
})).value;

Deno.test("whatever JSON comes is stored as it was, or refused with a sentence", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (input) => {
      // As it comes over the wire.
      const value: RecordValue = JSON.parse(JSON.stringify(input));
      const bytes = valueOrClientError(() =>
        encodeRecord("com.example.note/a", value).bytes
      );
      if (bytes === undefined) return;
      assert.deepEqual(decodeRecord(bytes), value);
      // Another codec finds the same bytes.
      const again = dagCbor.encode(dagCbor.decode(bytes));
      assert.deepEqual(new Uint8Array(again), new Uint8Array(bytes));
    }),
    FUZZ,
  );
});

Deno.test("the blobs of a record are found at any depth, each once", () => {
  const blob = (cid: string) => ({
    $type: "blob",
    ref: { $link: cid },
    mimeType: "image/png",
    size: 3,
  });
  const found = blobReferences({
    avatar: blob("a"),
    embed: { images: [{ image: blob("b") }, { image: blob("a") }] },
    text: "blob",
    not: { $type: "blob", ref: "c", mimeType: "image/png", size: 3 },
  });
  assert.deepEqual(found, [
    { cid: "a", mimeType: "image/png", size: 3 },
    { cid: "b", mimeType: "image/png", size: 3 },
  ]);
});
