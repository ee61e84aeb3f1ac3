import assert from "node:assert/strict";
import fc from "fast-check";
import { isAppError } from "../errors.ts";
import { parseDigest } from "../oci/digest.ts";
import { assertPrefix, isKey, StorageKeys } from "./object_keys.ts";

const hex = "ab".repeat(32);

Deno.test("a blob's key is that of the CNCF registry", () => {
  assert.equal(
    new StorageKeys().blob(parseDigest(`sha256:${hex}`)),
    `docker/registry/v2/blobs/sha256/ab/${hex}/data`,
  );
});

Deno.test("an empty root leaves no leading slash", () => {
  const keys = new StorageKeys("");
  assert.equal(keys.upload("u-1_X"), "uploads/u-1_X/data");
  assert.equal(keys.pdsBlob("bafkreia"), "pds/blobs/bafkreia");
});

Deno.test("invalid digests, ids and CIDs are refused", () => {
  const keys = new StorageKeys();
  const refused = (error: unknown) =>
    isAppError(error, "INVALID_REQUEST", "DIGEST_INVALID");
  for (
    const bad of ["", "..", ".", "a/b", "a.b", "a\0", "ä", "a".repeat(129)]
  ) {
    assert.throws(() => keys.upload(bad), refused, bad);
    assert.throws(() => keys.pdsBlob(bad), refused, bad);
    assert.throws(() => keys.blob(`sha256:${bad}`), refused, bad);
  }
  assert.throws(() => new StorageKeys("../etc"), refused);
  assert.throws(() => new StorageKeys("/etc"), refused);
});

Deno.test("keys of avatars are keys", () => {
  assert.ok(isKey("avatars/did:plc:abc/bafkreia/w200-h200-q85.webp"));
  assert.ok(isKey("avatars/did:web:localhost%3A3000/original/bafkreia"));
});

Deno.test("no key escapes its folder or is hidden", () => {
  for (const bad of ["", "/", "/a", "a/", "a//b", "../a", "a/..", "a/./b"]) {
    assert.ok(!isKey(bad), bad);
  }
  for (const bad of [".hidden", "a/.b", "a\\b", "a\nb", "a b", "C:/x/.."]) {
    assert.ok(!isKey(bad), bad);
  }
  const unit = fc.constantFrom(..."aB0._%:\\/");
  fc.assert(fc.property(fc.string({ unit }), (text) => {
    if (!isKey(text)) return;
    const url = new URL(`file:///folder/${text.replaceAll("%", "%25")}`);
    assert.ok(decodeURIComponent(url.pathname) === `/folder/${text}`);
  }));
});

Deno.test("a prefix may end anywhere but not escape", () => {
  for (const good of ["", "a", "a/", "a/b", "a/b."]) assertPrefix(good);
  for (const bad of ["/", "../", "a/../", "a/.", "a//"]) {
    assert.throws(() => assertPrefix(bad), bad);
  }
});
