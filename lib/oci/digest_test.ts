import assert from "node:assert/strict";
import fc from "fast-check";
import { isAppError } from "../errors.ts";
import { FUZZ } from "../../tests/support/fuzz.ts";
import { digestOf, digestParts, isDigest, parseDigest } from "./digest.ts";

const EMPTY_SHA256 =
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Deno.test("the digest of no bytes is the well-known one", () => {
  assert.equal(digestOf(new Uint8Array()), EMPTY_SHA256);
  assert.equal(parseDigest(EMPTY_SHA256), EMPTY_SHA256);
  assert.deepEqual(digestParts(parseDigest(EMPTY_SHA256)), {
    algorithm: "sha256",
    hex: EMPTY_SHA256.slice(7),
  });
});

Deno.test("a malformed digest is refused with a sentence that says why", () => {
  const refused: [string, RegExp][] = [
    ["", /no algorithm/],
    ["latest", /no algorithm/],
    ["sha256:baddigeststring", /exactly 64 lower-case hex/],
    [EMPTY_SHA256.toUpperCase(), /not a digest/],
    [`sha256:${"A".repeat(64)}`, /exactly 64 lower-case hex/],
    [`sha256:${"a".repeat(63)}`, /exactly 64/],
    [`sha256:${"a".repeat(65)}`, /exactly 64/],
    [`sha512:${"a".repeat(64)}`, /exactly 128/],
    [`sha256:${"a".repeat(64)}\n`, /exactly 64/],
    [`sha384:${"a".repeat(96)}`, /"sha384" is not supported; use sha256/],
    [`blake3:${"a".repeat(64)}`, /"blake3" is not supported/],
    [":", /not a digest/],
  ];
  for (const [text, message] of refused) {
    assert.equal(isDigest(text), false, text);
    assert.throws(
      () => parseDigest(text),
      (error) =>
        isAppError(error, "DIGEST_INVALID") && message.test(error.message),
      text,
    );
  }
});

Deno.test("a computed digest is well-formed and has both parts", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.constantFrom("sha256" as const, "sha512" as const),
      (bytes, algorithm) => {
        const digest = digestOf(bytes, algorithm);
        assert.equal(parseDigest(digest), digest);
        const { algorithm: name, hex } = digestParts(digest);
        assert.equal(name, algorithm);
        assert.equal(`${name}:${hex}`, digest);
      },
    ),
    FUZZ,
  );
});

Deno.test("any text is a digest or DIGEST_INVALID", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      try {
        parseDigest(text);
      } catch (error) {
        assert.ok(isAppError(error, "DIGEST_INVALID"));
      }
    }),
    FUZZ,
  );
});
