import assert from "node:assert/strict";
import {
  bareMediaType,
  isManifestMediaType,
  MANIFEST_MEDIA_TYPES,
} from "./media_types.ts";

Deno.test("a Content-Type is compared without parameters and case", () => {
  assert.equal(bareMediaType(" Text/Plain ; charset=utf-8"), "text/plain");
  assert.equal(bareMediaType("a/b"), "a/b");
  for (const none of ["", " ", ";x", null, undefined]) {
    assert.equal(bareMediaType(none), undefined);
  }
});

Deno.test("four manifest types are known, and inherited properties are not", () => {
  assert.equal(MANIFEST_MEDIA_TYPES.length, 4);
  assert.ok(MANIFEST_MEDIA_TYPES.every(isManifestMediaType));
  assert.equal(isManifestMediaType("toString"), false);
});
