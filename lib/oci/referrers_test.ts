import assert from "node:assert/strict";
import { digestOf } from "./digest.ts";
import { parseManifest } from "./manifest.ts";
import { OCI_EMPTY_DIGEST, OCI_INDEX, OCI_MANIFEST } from "./media_types.ts";
import {
  mergeReferrers,
  referrerDescriptor,
  referrersIndex,
  referrersTag,
} from "./referrers.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

const SUBJECT = { mediaType: OCI_MANIFEST, digest: OCI_EMPTY_DIGEST, size: 2 };

Deno.test("a referrer's descriptor copies annotations and falls back to the config's type", () => {
  const bytes = encode({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { ...SUBJECT, mediaType: "application/vnd.example.sbom" },
    layers: [],
    subject: SUBJECT,
    annotations: { "org.example": "x" },
  });
  const digest = digestOf(bytes);
  assert.deepEqual(referrerDescriptor(parseManifest(bytes), digest), {
    mediaType: OCI_MANIFEST,
    digest,
    size: bytes.length,
    artifactType: "application/vnd.example.sbom",
    annotations: { "org.example": "x" },
  });
});

Deno.test("an index without artifact type is listed without one", () => {
  const bytes = encode({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [],
    subject: SUBJECT,
  });
  const digest = digestOf(bytes);
  assert.deepEqual(referrerDescriptor(parseManifest(bytes), digest), {
    mediaType: OCI_INDEX,
    digest,
    size: bytes.length,
  });
});

Deno.test("merging lists keeps each digest once, and the answer is an index", () => {
  const one = { ...SUBJECT, digest: digestOf(encode(1)), artifactType: "a/b" };
  const two = { ...SUBJECT, digest: digestOf(encode(2)) };
  const merged = mergeReferrers([one], [two, { ...one, artifactType: "c/d" }]);
  assert.deepEqual(merged, [one, two]);
  const index = parseManifest(encode(referrersIndex(merged)));
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
