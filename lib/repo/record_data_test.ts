import assert from "node:assert/strict";
import * as atcute from "@atcute/cbor";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { cidOfRaw } from "./cid.ts";
import {
  blobReferences,
  decodeRecord,
  encodeRecord,
  type RecordValue,
} from "./record_data.ts";

/** JSON as clients may send it, with links, bytes and names that look like them. */
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
        // The codec recognises links of another implementation by these.
        fc.constantFrom("/", "bytes", "asCID", "multihash", "toJSON"),
      ),
      tie("value"),
      { maxKeys: 4 },
    ),
    fc.constantFrom(
      { $link: "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm" },
      { $bytes: "AAEC" },
      { $bytes: "AAECAw" },
      { "/": "same", bytes: "same" },
    ),
  ),
})).value;

/** Asserts that another implementation encodes `value` to the same bytes. */
function assertSameBytes(bytes: Uint8Array, value: RecordValue): void {
  // It refuses objects with a member of this name.
  if (/"constructor":/.test(JSON.stringify(value))) return;
  const other = new Uint8Array(atcute.encode(value));
  assert.deepEqual(new Uint8Array(bytes), other);
}

Deno.test("any JSON is stored unchanged, or refused with a sentence", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (input) => {
      // As received over the wire.
      const value: RecordValue = JSON.parse(JSON.stringify(input));
      const bytes = valueOrClientError(() =>
        encodeRecord("com.example.note/a", value).bytes
      );
      if (bytes === undefined) return;
      assert.deepEqual(decodeRecord(bytes), value);
      assertSameBytes(bytes, value);
    }),
    FUZZ,
  );
});

Deno.test("another implementation encodes a record to the same bytes", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.oneof(fc.string(), fc.string({ unit: "grapheme" })),
        fc.oneof(
          fc.string({ unit: "grapheme" }),
          fc.maxSafeInteger(),
          fc.integer(),
          fc.uint8Array({ maxLength: 300 }).map((bytes) => ({
            $bytes: bytes.toBase64({ omitPadding: true }),
          })),
          fc.uint8Array({ minLength: 32, maxLength: 32 }).map((hash) => ({
            $link: cidOfRaw(hash),
          })),
        ),
      ),
      (input) => {
        const value: RecordValue = JSON.parse(JSON.stringify(input));
        const bytes = valueOrClientError(() =>
          encodeRecord("com.example.note/a", value).bytes
        );
        if (bytes !== undefined) assertSameBytes(bytes, value);
      },
    ),
    FUZZ,
  );
});

Deno.test("base64 of bytes may be padded, but must be canonical", () => {
  const encoded = (text: string) =>
    valueOrClientError(() =>
      encodeRecord("com.example.note/a", { a: { $bytes: text } }).bytes
    );
  assert.deepEqual(encoded("AAECAw=="), encoded("AAECAw"));
  assert.notEqual(encoded("AAECAw"), undefined);
  for (const wrong of ["AAECAx", "AAECAw=", "AA ECAw", "AAECAw==\n", "_-__"]) {
    assert.equal(encoded(wrong), undefined, wrong);
  }
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
