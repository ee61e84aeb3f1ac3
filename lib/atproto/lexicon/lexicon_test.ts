import assert from "node:assert/strict";
import { parseLexiconDoc } from "@atproto/lexicon";
import {
  LEXICON_DOCUMENTS,
  type RecordTypes,
} from "../../../lexicons/generated.ts";
import { validateRecord, validateXrpcOutput } from "./testing.ts";

const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const hex = "a".repeat(64);
const time = "2026-08-04T12:00:00.000Z";
const manifest = `at://${did}/io.atcr.manifest/${hex}`;
const blob = (mimeType: string, size: number) => ({
  $type: "blob" as const,
  ref: { $link: "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy" },
  mimeType,
  size,
});

/** One full record of each type; the compiler checks the types, the tests the lexicons. */
const RECORDS: { [N in keyof RecordTypes]: RecordTypes[N] } = {
  "io.atcr.manifest": {
    $type: "io.atcr.manifest",
    repository: "team/app",
    digest: `sha256:${hex}`,
    mediaType: "application/vnd.oci.image.index.v1+json",
    schemaVersion: 2,
    holdDid: "did:web:hold.example.com",
    holdEndpoint: "https://hold.example.com",
    config: { mediaType: "a/b", size: 2, digest: `sha512:${hex}${hex}` },
    layers: [{
      mediaType: "a/b",
      size: 0,
      digest: `sha256:${hex}`,
      urls: ["https://example.com/layer"],
      annotations: { a: "b" },
    }],
    manifests: [{
      mediaType: "a/b",
      size: 3,
      digest: `sha256:${hex}`,
      platform: {
        architecture: "arm64",
        os: "linux",
        variant: "v8",
        osVersion: "10",
        osFeatures: ["x"],
      },
    }],
    subject: { mediaType: "a/b", size: 2, digest: `sha256:${hex}` },
    annotations: { "org.opencontainers.image.title": "App" },
    manifestBlob: blob("application/vnd.oci.image.index.v1+json", 500),
    createdAt: time,
  },
  "io.atcr.tag": {
    $type: "io.atcr.tag",
    repository: "team/app",
    tag: "v1",
    manifest,
    manifestDigest: `sha256:${hex}`,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    updatedAt: time,
  },
  "io.atcr.repo.page": {
    $type: "io.atcr.repo.page",
    repository: "team/app",
    description: "# App",
    avatar: blob("image/png", 3_000_000),
    userEdited: true,
    createdAt: time,
    updatedAt: time,
  },
  "io.atcr.sailor.profile": {
    $type: "io.atcr.sailor.profile",
    defaultHold: null,
    autoRemoveUntagged: false,
    ociClient: "podman",
    registryDomain: "registry.example.com",
    createdAt: time,
    updatedAt: time,
  },
  "io.atcr.sailor.star": {
    $type: "io.atcr.sailor.star",
    subject: `at://${did}/io.atcr.repo.page/team~app`,
    createdAt: time,
  },
  "io.atcr.sailor.webhook": {
    $type: "io.atcr.sailor.webhook",
    holdDid: "did:web:hold.example.com",
    triggers: 3,
    privateCid: blob("", 0).ref.$link,
    createdAt: time,
    updatedAt: time,
  },
  "io.atcr.hold": {
    $type: "io.atcr.hold",
    endpoint: "https://hold.example.com",
    owner: did,
    public: true,
    createdAt: time,
  },
  "io.atcr.hold.captain": {
    $type: "io.atcr.hold.captain",
    owner: did,
    public: true,
    allowAllCrew: false,
    enableBlueskyPosts: false,
    deployedAt: time,
    region: "iad",
    provider: "fly.io",
    successor: "did:web:next.example.com",
  },
  "io.atcr.hold.crew": {
    $type: "io.atcr.hold.crew",
    member: did,
    role: "member",
    permissions: ["blob:read", "blob:write"],
    tier: "bosun",
    addedAt: time,
  },
  "io.atcr.hold.layer": {
    $type: "io.atcr.hold.layer",
    digest: `sha256:${hex}`,
    size: 10,
    mediaType: "a/b",
    manifest,
    userDid: did,
    createdAt: time,
  },
  "io.atcr.hold.stats": {
    $type: "io.atcr.hold.stats",
    ownerDid: did,
    repository: "team/app",
    pullCount: 0,
    pushCount: 1,
    lastPull: time,
    lastPush: time,
    updatedAt: time,
  },
  "io.atcr.hold.scan": {
    $type: "io.atcr.hold.scan",
    manifest,
    repository: "team/app",
    userDid: did,
    critical: 0,
    high: 1,
    medium: 2,
    low: 3,
    total: 6,
    scannerVersion: "atcr-scanner-v1.0.0",
    scannedAt: time,
    sbomBlob: blob("application/spdx+json", 9),
    vulnReportBlob: blob("application/vnd.atcr.vulnerabilities+json", 9),
    status: "ok",
    reason: "",
  },
};

for (const [nsid, record] of Object.entries(RECORDS)) {
  Deno.test(`a full ${nsid} is valid, and not under another name`, () => {
    assert.deepEqual(validateRecord(nsid, record), { valid: true });
    assert.equal(
      validateRecord(nsid, { ...record, $type: "x.y.z" }).valid,
      false,
    );
    assert.equal(validateRecord("io.atcr.nothing", record).valid, false);
  });
}

Deno.test("every document of the folder is loaded and its path matches its name", () => {
  const root = new URL("../../../lexicons/", import.meta.url);
  const found: string[] = [];
  const visit = (folder: URL) => {
    for (const entry of Deno.readDirSync(folder)) {
      if (entry.isDirectory) visit(new URL(`${entry.name}/`, folder));
      else if (entry.name.endsWith(".json")) {
        const file = new URL(entry.name, folder);
        const { id } = parseLexiconDoc(JSON.parse(Deno.readTextFileSync(file)));
        const path = `${id.replaceAll(".", "/")}.json`;
        assert.equal(file.href, new URL(path, root).href);
        found.push(id);
      }
    }
  };
  visit(root);
  assert.deepEqual(
    LEXICON_DOCUMENTS.map((document) => parseLexiconDoc(document).id).sort(),
    found.sort(),
  );
});

const BROKEN: [keyof RecordTypes, Record<string, unknown>, RegExp][] = [
  ["io.atcr.tag", { tag: undefined }, /tag/],
  ["io.atcr.tag", { tag: "x".repeat(129) }, /128/],
  ["io.atcr.tag", { tag: "é".repeat(65) }, /128/],
  ["io.atcr.tag", { manifest: "https://example.com" }, /at-uri/],
  ["io.atcr.manifest", { holdDid: "hold.example.com" }, /did/],
  ["io.atcr.manifest", { createdAt: "yesterday" }, /datetime/],
  ["io.atcr.manifest", { schemaVersion: "2" }, /integer/],
  ["io.atcr.manifest", { layers: [{ size: 1 }] }, /layers\/0/],
  ["io.atcr.manifest", { manifestBlob: "bafy" }, /blob/],
  [
    "io.atcr.manifest",
    { manifestBlob: { cid: blob("", 0).ref.$link, mimeType: "a/b" } },
    /bytes/,
  ],
  ["io.atcr.repo.page", { avatar: blob("image/gif", 10) }, /types/],
  ["io.atcr.repo.page", { avatar: blob("image/png", 3_000_001) }, /3000000/],
  ["io.atcr.hold.captain", { public: "yes" }, /boolean/],
  ["io.atcr.hold.crew", { permissions: "blob:read" }, /array/],
  ["io.atcr.hold.layer", { size: -1 }, /size/],
  ["io.atcr.hold.stats", { pullCount: 1.5 }, /integer/],
];

for (const [nsid, change, reason] of BROKEN) {
  Deno.test(`${nsid} with ${JSON.stringify(change).slice(0, 60)} is not valid`, () => {
    const found = validateRecord(nsid, { ...RECORDS[nsid], ...change });
    assert(!found.valid);
    assert.match(found.reason, reason);
  });
}

Deno.test("values other than objects are not valid", () => {
  for (const value of [null, undefined, 7, "x", [], [RECORDS["io.atcr.tag"]]]) {
    assert.equal(validateRecord("io.atcr.tag", value).valid, false);
  }
  let deep: unknown = {};
  for (let i = 0; i < 100_000; i++) deep = { a: deep };
  const value = { ...RECORDS["io.atcr.manifest"], annotations: deep };
  assert.equal(validateRecord("io.atcr.manifest", value).valid, false);
});

Deno.test("outputs are validated including the records in them", () => {
  const nsid = "io.atcr.hold.getLayersForManifest";
  const layer = RECORDS["io.atcr.hold.layer"];
  assert.deepEqual(validateXrpcOutput(nsid, { layers: [layer] }), {
    valid: true,
  });
  const wrong = validateXrpcOutput(nsid, {
    layers: [{ ...layer, size: "10" }],
  });
  assert.equal(wrong.valid, false);
});
