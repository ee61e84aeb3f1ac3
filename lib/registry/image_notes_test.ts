import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { ConfigReader } from "./config_reader.ts";
import { ImageNotes } from "./image_notes.ts";
import type { ManifestRow } from "./rows.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const HOLD: Did = "did:web:hold.example.com";
const REF = { did: ALICE, repo: "app" };
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";

function open() {
  const manifests = new Map<Digest, { bytes: Uint8Array; type: string }>();
  const blobs = new Map<Digest, Uint8Array<ArrayBuffer>>();
  const hold: Pick<HoldClient, "open"> = {
    open: (_caller, digest) => {
      const bytes = blobs.get(digest);
      return Promise.resolve(
        bytes && { size: bytes.length, body: new Blob([bytes]).stream() },
      );
    },
  };
  const notes = new ImageNotes({
    configs: new ConfigReader({
      holds: { get: () => Promise.resolve(hold as HoldClient) },
    }),
    index: {
      manifest: (_ref, digest) => {
        const found = manifests.get(digest);
        const row: ManifestRow | undefined = found && {
          mediaType: found.type,
          size: found.bytes.length,
          holdDid: HOLD,
          createdAt: 0,
        };
        return Promise.resolve(row);
      },
    },
    content: {
      get: (digest) =>
        Promise.resolve(
          manifests.get(digest)?.bytes as Uint8Array<ArrayBuffer> | undefined,
        ),
    },
  });
  const put = (type: string, document: Record<string, unknown>) => {
    const bytes = new TextEncoder().encode(
      JSON.stringify({ schemaVersion: 2, mediaType: type, ...document }),
    );
    const digest = digestOf(bytes);
    manifests.set(digest, { bytes, type });
    return { mediaType: type, digest, size: bytes.length };
  };
  const image = (
    config: unknown,
    annotations: Record<string, string> = {},
    mediaType = CONFIG,
  ) => {
    const text = typeof config === "string" ? config : JSON.stringify(config);
    const bytes = new TextEncoder().encode(text);
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return put(IMAGE, {
      config: { mediaType, digest, size: bytes.length },
      layers: [],
      annotations,
    });
  };
  return { put, image, of: (digest: Digest) => notes.of(REF, digest) };
}

const labels = (Labels: unknown) => ({ config: { Labels } });

Deno.test("labels of the configuration and annotations are joined, annotations win", async () => {
  const { image, of } = open();
  const { digest } = image(labels({ a: "label", b: "label", bad: 7 }), {
    b: "annotation",
  });
  assert.deepEqual(await of(digest), { a: "label", b: "annotation" });
});

Deno.test("an index has the labels of linux/amd64 below its own annotations", async () => {
  const { put, image, of } = open();
  const arm = image(labels({ a: "arm" }));
  const amd = image(labels({ a: "amd", b: "amd" }));
  const none = image(labels({ a: "attestation" }));
  const platform = (architecture: string, os = "linux") => ({
    platform: { architecture, os },
  });
  const { digest } = put(INDEX, {
    manifests: [
      { ...none, ...platform("unknown", "unknown") },
      { ...arm, ...platform("arm64") },
      { ...amd, ...platform("amd64") },
    ],
    annotations: { b: "index" },
  });
  assert.deepEqual(await of(digest), { a: "amd", b: "index" });
});

Deno.test("broken, absent and foreign configurations say nothing", async () => {
  const { put, image, of } = open();
  const given = { a: "1" };
  for (const config of ["{", "[]", labels(null), { config: 7 }, {}]) {
    assert.deepEqual(await of(image(config, given).digest), given);
  }
  const helm = image(labels({ b: "2" }), given, "text/plain");
  assert.deepEqual(await of(helm.digest), given);
  const gone = put(IMAGE, {
    config: {
      mediaType: CONFIG,
      digest: digestOf(new Uint8Array([1])),
      size: 1,
    },
    layers: [],
    annotations: given,
  });
  assert.deepEqual(await of(gone.digest), given);
  assert.equal(await of(digestOf(new Uint8Array([2]))), undefined);
});
