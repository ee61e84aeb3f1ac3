import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { OCI_INDEX } from "../oci/media_types.ts";
import { manifestRow, referrerRow } from "./rows.ts";
import { OCI_MANIFEST } from "../oci/testing.ts";
import { OCI_EMPTY_DIGEST } from "../oci/testing.ts";

const HOLD: Did = "did:web:hold.example.com";
const SUBJECT = { mediaType: OCI_MANIFEST, digest: OCI_EMPTY_DIGEST, size: 2 };

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

function rowOf(bytes: Uint8Array<ArrayBuffer>, digest: Digest) {
  const manifest = parseManifest(bytes);
  const row = manifestRow(manifest, {
    size: bytes.length,
    holdDid: HOLD,
    blob: undefined,
    createdAt: 0,
    rkey: undefined,
  });
  return referrerRow(digest, row, manifest);
}

Deno.test("a referrer's row copies annotations and falls back to the config's type", () => {
  const bytes = encode({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { ...SUBJECT, mediaType: "application/vnd.example.sbom" },
    layers: [],
    subject: SUBJECT,
    annotations: { "org.example": "x" },
  });
  const digest = digestOf(bytes);
  assert.deepEqual(rowOf(bytes, digest), {
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
  assert.deepEqual(rowOf(bytes, digest), {
    mediaType: OCI_INDEX,
    digest,
    size: bytes.length,
  });
});

Deno.test("annotations too large for a row are only in the manifest", () => {
  const bytes = encode({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [],
    subject: SUBJECT,
    annotations: { "org.example": "x".repeat(20_000) },
  });
  const { annotations, annotationsInContent } = rowOf(bytes, digestOf(bytes));
  assert.equal(annotations, undefined);
  assert.equal(annotationsInContent, true);
});
