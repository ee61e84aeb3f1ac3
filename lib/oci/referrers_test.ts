import assert from "node:assert/strict";
import { digestOf } from "./digest.ts";
import { parseManifest } from "./manifest.ts";
import { referrersIndex, referrersTag } from "./referrers.ts";
import { OCI_MANIFEST } from "./testing.ts";
import { OCI_EMPTY_DIGEST } from "./testing.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

const SUBJECT = { mediaType: OCI_MANIFEST, digest: OCI_EMPTY_DIGEST, size: 2 };

Deno.test("the list of referrers is an index", () => {
  const one = { ...SUBJECT, digest: digestOf(encode(1)), artifactType: "a/b" };
  const two = { ...SUBJECT, digest: digestOf(encode(2)) };
  const index = parseManifest(encode(referrersIndex([one, two])));
  assert.equal(index.kind, "index");
  assert.deepEqual(index.manifests.map(({ digest }) => digest), [
    one.digest,
    two.digest,
  ]);
});

Deno.test("the referrers tag is a tag for sha512 too", () => {
  assert.equal(
    referrersTag(digestOf(new Uint8Array())),
    "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  assert.match(
    referrersTag(digestOf(new Uint8Array(), "sha512")),
    /^sha512-[0-9a-f]{64}$/,
  );
});
