import assert from "node:assert/strict";
import fc from "fast-check";
import { parseManifest } from "../../oci/manifest.ts";
import { digestOf } from "../../oci/digest.ts";
import type { BlobRef } from "../pds/pds.ts";
import { writeManifest, writeProfile, writeTag } from "./record_writers.ts";
import { readManifest, readProfile, readTag } from "./records.ts";
import { validateRecord } from "../lexicon/testing.ts";

const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const hold = "did:web:hold.example.com";
const now = Date.UTC(2026, 7, 4);
const image = "application/vnd.oci.image.manifest.v1+json";
const index = "application/vnd.oci.image.index.v1+json";
const hex = "b".repeat(64);
const descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
  digest: `sha256:${hex}`,
  size: 5,
};

function facts(document: Record<string, unknown>) {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const manifest = parseManifest(bytes);
  const manifestBlob: BlobRef = {
    $type: "blob",
    ref: {
      $link: "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy",
    },
    mimeType: manifest.mediaType,
    size: bytes.length,
  };
  const digest = digestOf(bytes);
  return {
    repository: "team/app",
    digest,
    manifest,
    holdDid: hold,
    manifestBlob,
    createdAt: now,
  } as const;
}

const imageManifest = {
  schemaVersion: 2,
  mediaType: image,
  config: {
    ...descriptor,
    mediaType: "application/vnd.oci.image.config.v1+json",
  },
  layers: [descriptor, {
    ...descriptor,
    urls: ["https://example.com/l"],
    annotations: { a: "b" },
  }],
  subject: { ...descriptor, mediaType: image },
  annotations: { "org.opencontainers.image.title": "App" },
};

const indexManifest = {
  schemaVersion: 2,
  mediaType: index,
  manifests: [
    {
      ...descriptor,
      mediaType: image,
      platform: {
        os: "windows",
        architecture: "amd64",
        "os.version": "10.0.17763.1817",
        "os.features": ["win32k"],
      },
    },
    { ...descriptor, mediaType: image, platform: { os: "", architecture: "" } },
    { ...descriptor, mediaType: image },
  ],
};

for (
  const [what, document] of [["an image", imageManifest], [
    "an index",
    indexManifest,
  ]] as const
) {
  Deno.test(`the record of ${what} is valid and can be read back`, () => {
    const given = facts(document);
    const record = writeManifest(given);
    assert.deepEqual(validateRecord("io.atcr.manifest", record), {
      valid: true,
    });
    assert.deepEqual(readManifest(record), {
      repository: "team/app",
      digest: given.digest,
      mediaType: document.mediaType,
      createdAt: now,
      holdDid: hold,
      subject: "subject" in document ? document.subject.digest : undefined,
      manifestBlob: given.manifestBlob,
    });
  });
}

Deno.test("annotations with names that have a meaning in records are only in the manifest's bytes", () => {
  for (const name of ["__proto__", "$type", "$link", "$bytes"]) {
    const annotations = Object.fromEntries([["a", "b"], [name, "c"]]);
    const record = writeManifest(facts({ ...imageManifest, annotations }));
    assert.equal(record["annotations"], undefined, name);
  }
  const annotations = { "a$": "b", "proto__": "c" };
  const record = writeManifest(facts({ ...imageManifest, annotations }));
  assert.deepEqual(record["annotations"], annotations);
});

Deno.test("the record of the largest manifest is accepted by a repo", () => {
  const many = Array.from({ length: 4_000 }, () => ({
    ...descriptor,
    annotations: { note: "x".repeat(50) },
  }));
  const wordy = Array.from({ length: 40 }, () => ({
    ...descriptor,
    annotations: { note: "é".repeat(45_000) },
  }));
  const elsewhere = Array.from({ length: 1_000 }, () => ({
    ...descriptor,
    urls: [`https://example.com/${"x".repeat(2_000)}`],
  }));
  for (const layers of [many, wordy, elsewhere]) {
    const record = writeManifest(facts({ ...imageManifest, layers }));
    assert.deepEqual(validateRecord("io.atcr.manifest", record), {
      valid: true,
    });
    const size = new TextEncoder().encode(JSON.stringify(record)).byteLength;
    assert(size < 1_000_000, `${size} bytes`);
  }
  const long = { note: "x".repeat(200_000) };
  const record = writeManifest(facts({ ...imageManifest, annotations: long }));
  assert.equal(record["annotations"], undefined);
});

Deno.test("a location that is not a URL is omitted", () => {
  const urls = ["over there", "https://example.com/l"];
  const layers = [{ ...descriptor, urls }];
  const record = writeManifest(facts({ ...imageManifest, layers }));
  assert.deepEqual(validateRecord("io.atcr.manifest", record), { valid: true });
  assert.match(
    JSON.stringify(record),
    /"urls":\["https:\/\/example\.com\/l"\]/,
  );
});

Deno.test("names longer than the lexicon allows are truncated, not refused", () => {
  const long = `application/${"x".repeat(200)}`;
  const record = writeManifest(facts({
    ...imageManifest,
    config: { ...descriptor, mediaType: long },
  }));
  assert.deepEqual(validateRecord("io.atcr.manifest", record), { valid: true });
});

Deno.test("a manifest of an early version names its hold by URL", () => {
  const { holdDid: _, ...early } = writeManifest(facts(imageManifest));
  const endpoint = (holdEndpoint: string) =>
    readManifest({ ...early, holdEndpoint })?.holdDid;
  assert.equal(endpoint("https://hold01.atcr.io"), "did:web:hold01.atcr.io");
  assert.equal(endpoint("http://localhost:8080/"), "did:web:localhost%3A8080");
  assert.equal(endpoint("hold01"), undefined);
  assert.equal(readManifest(early)?.holdDid, undefined);
});

Deno.test("a tag is valid and can be read back", () => {
  const digest = `sha256:${hex}` as const;
  const tag = {
    did,
    repository: "team/app",
    tag: "v1",
    digest,
    mediaType: image,
    now,
  } as const;
  const record = writeTag(tag);
  assert.deepEqual(validateRecord("io.atcr.tag", record), { valid: true });
  assert.deepEqual(readTag(record), {
    repository: "team/app",
    tag: "v1",
    digest,
    manifestRkey: hex,
    updatedAt: now,
  });
});

Deno.test("a tag of an early version has the digest itself and createdAt", () => {
  const early = {
    repository: "app",
    tag: "v1",
    manifestDigest: `sha256:${hex}`,
    createdAt: "2025-10-01T00:00:00Z",
  };
  assert.deepEqual(readTag(early), {
    repository: "app",
    tag: "v1",
    digest: `sha256:${hex}`,
    manifestRkey: undefined,
    updatedAt: Date.UTC(2025, 9, 1),
  });
  const both = {
    ...early,
    manifest: `at://${did}/io.atcr.manifest/${"c".repeat(64)}`,
  };
  assert.equal(readTag(both)?.digest, `sha256:${"c".repeat(64)}`);
  assert.equal(readTag({ repository: "app", tag: "v1" }), undefined);
});

Deno.test("a profile is valid, with a hold by URL or without one", () => {
  const record = writeProfile({ defaultHold: hold, now });
  assert.deepEqual(validateRecord("io.atcr.sailor.profile", record), {
    valid: true,
  });
  assert.equal(readProfile(record)?.defaultHold, hold);
  assert.equal(
    readProfile({ ...record, defaultHold: "https://hold.example.com" })
      ?.defaultHold,
    hold,
  );
  for (const none of [null, undefined, "", 7]) {
    const profile = readProfile({ ...record, defaultHold: none });
    assert(profile);
    assert.equal(profile.defaultHold, undefined);
  }
});

Deno.test("an endpoint that is not a web address is not a hold", () => {
  for (
    const text of [undefined, "", "hold.example.com", "ftp://a.b", "at://x"]
  ) {
    const profile = readProfile({ defaultHold: text });
    assert.ok(profile);
    assert.equal(profile.defaultHold, undefined);
  }
});

Deno.test("texts too long for a row are left out of a record", () => {
  const long = "a".repeat(2_000);
  const record = readManifest({
    repository: "app",
    digest: `sha256:${"a".repeat(64)}`,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    holdDid: `did:web:${"a.".repeat(500)}example.com`,
    holdEndpoint: `https://${long}.example.com`,
    manifestBlob: {
      ...{ $type: "blob", mimeType: "text/plain", size: 1 },
      ref: { $link: long },
    },
  });
  assert.equal(record?.repository, "app");
  assert.equal(record.holdDid, undefined);
  assert.equal(record.manifestBlob, undefined);
});

Deno.test("no record makes a parser throw", () => {
  const odd = fc.record({
    repository: fc.oneof(fc.string(), fc.jsonValue()),
    tag: fc.oneof(fc.string(), fc.jsonValue()),
    digest: fc.oneof(fc.constant(`sha256:${hex}`), fc.jsonValue()),
    mediaType: fc.string(),
    manifest: fc.oneof(fc.string(), fc.jsonValue()),
    holdEndpoint: fc.oneof(fc.webUrl(), fc.jsonValue()),
    manifestBlob: fc.jsonValue(),
    defaultHold: fc.oneof(fc.webUrl(), fc.jsonValue()),
  });
  fc.assert(fc.property(fc.oneof(odd, fc.jsonValue()), (value) => {
    readManifest(value);
    readTag(value);
    readProfile(value);
  }));
});
