import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { isAppError } from "../errors.ts";
import { digestOf } from "./digest.ts";
import {
  childManifests,
  effectiveArtifactType,
  listedBlobs,
  parseManifest,
  referencedBlobs,
  requiredBlobs,
} from "./manifest.ts";
import { OCI_INDEX } from "./media_types.ts";
import { OCI_MANIFEST } from "./testing.ts";
import { DOCKER_MANIFEST } from "./testing.ts";
import { DOCKER_LIST } from "./testing.ts";
import { OCI_EMPTY } from "./testing.ts";
import { OCI_EMPTY_DIGEST } from "./testing.ts";
import { OCI_IMAGE_CONFIG } from "./testing.ts";

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
const FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(
    typeof value === "string" ? value : JSON.stringify(value),
  );
}

function parse(value: unknown, contentType?: string) {
  return parseManifest(bytesOf(value), contentType);
}

function descriptor(content: string, mediaType = LAYER_TYPE) {
  const bytes = bytesOf(content);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

const CONFIG = descriptor("config", OCI_IMAGE_CONFIG);
const LAYER = descriptor("layer");
const IMAGE = {
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: CONFIG,
  layers: [LAYER],
};
const CHILD = { ...descriptor("child"), mediaType: OCI_MANIFEST };
const INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [CHILD] };

function refuses(value: unknown, message: RegExp, contentType?: string) {
  assert.throws(
    () => parse(value, contentType),
    (error) =>
      isAppError(error, "MANIFEST_INVALID") &&
      (assert.match(error.message, message), true),
  );
}

Deno.test("images and indexes of both families are read", () => {
  for (const mediaType of [OCI_MANIFEST, DOCKER_MANIFEST]) {
    const parsed = parse({ ...IMAGE, mediaType }, mediaType);
    assert.equal(parsed.kind, "image");
    assert.equal(parsed.mediaType, mediaType);
    assert.deepEqual(parsed.config?.digest, CONFIG.digest);
    assert.deepEqual(parsed.layers.map((layer) => layer.size), [5]);
    assert.deepEqual(parsed.manifests, []);
    assert.equal(parsed.size, bytesOf({ ...IMAGE, mediaType }).length);
  }
  for (const mediaType of [OCI_INDEX, DOCKER_LIST]) {
    const parsed = parse({ ...INDEX, mediaType }, mediaType);
    assert.equal(parsed.kind, "index");
    assert.equal(parsed.config, undefined);
    assert.deepEqual(childManifests(parsed).map((child) => child.digest), [
      CHILD.digest,
    ]);
  }
});

Deno.test("the media type comes from the header or the body, and the two must agree", () => {
  const { mediaType: _, ...untyped } = IMAGE;
  assert.equal(parse(IMAGE).mediaType, OCI_MANIFEST);
  assert.equal(parse(untyped, OCI_MANIFEST).mediaType, OCI_MANIFEST);
  assert.equal(
    parse(IMAGE, `${OCI_MANIFEST}; charset=utf-8`).mediaType,
    OCI_MANIFEST,
  );
  refuses(untyped, /no media type/);
  refuses(IMAGE, /they must be equal/, DOCKER_MANIFEST);
  refuses(IMAGE, /"text\/plain" is not a manifest type/, "text/plain");
  refuses({ ...untyped, mediaType: "constructor" }, /not a manifest type/);
});

Deno.test("a document that reads as image and as index is refused", () => {
  refuses({ ...IMAGE, manifests: [CHILD] }, /"manifests".*no such field/);
  refuses({ ...INDEX, config: CONFIG }, /"config".*no such field/);
  refuses({ ...INDEX, layers: [] }, /"layers".*no such field/);
});

Deno.test("a duplicate field is refused, regardless of case or escapes", () => {
  const rest = JSON.stringify(IMAGE).slice(1);
  refuses(`{"mediaType":"${OCI_INDEX}",${rest}`, /"mediaType" twice/);
  refuses(`{"MEDIATYPE":"${OCI_INDEX}",${rest}`, /"mediaType" twice/);
  refuses(`{"\\u006dediaType":"${OCI_INDEX}",${rest}`, /"mediaType" twice/);
  assert.ok(parse(`{"x\\\\":"\\"mediaType\\":1","y":{"mediaType":1},${rest}`));
});

Deno.test("what is not a manifest is refused with a sentence that names the field", () => {
  refuses("", /not JSON/);
  refuses("nonsense", /not JSON/);
  refuses(`\ufeff${JSON.stringify(IMAGE)}`, /not JSON/);
  refuses("[]", /not a JSON object/);
  refuses("null", /not a JSON object/);
  refuses('"text"', /not a JSON object/);
  refuses({ ...IMAGE, schemaVersion: 3 }, /"schemaVersion".*must be 2/);
  refuses({ ...IMAGE, schemaVersion: 1 }, /schema 1/);
  refuses(
    { schemaVersion: 1, fsLayers: [] },
    /schema 1/,
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
  );
  refuses({ ...IMAGE, config: undefined }, /"config".*missing/);
  refuses({ ...INDEX, manifests: undefined }, /no field manifests/);
  refuses(
    { ...IMAGE, layers: [LAYER, { ...LAYER, digest: "sha256:bad" }] },
    /"layers\[1\]\.digest".*exactly 64/,
  );
  refuses(
    { ...IMAGE, layers: [{ ...LAYER, size: -1 }] },
    /"layers\[0\]\.size".*negative/,
  );
  refuses({ ...IMAGE, config: { ...CONFIG, size: 1.5 } }, /"config\.size"/);
  refuses({ ...IMAGE, config: { ...CONFIG, size: 2 ** 60 } }, /"config\.size"/);
  refuses({ ...IMAGE, config: { ...CONFIG, mediaType: "" } }, /empty/);
  refuses({ ...IMAGE, annotations: { a: 1 } }, /"annotations\.a"/);
  refuses({ ...IMAGE, subject: { ...CHILD, digest: 1 } }, /"subject\.digest"/);
  assert.throws(
    () => parseManifest(new Uint8Array([0x7b, 0xff, 0x7d]), OCI_MANIFEST),
    /not UTF-8/,
  );
});

Deno.test("nesting has a bound, and lists have that of the bytes", () => {
  const deep = `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`;
  refuses(deep, /deeper than 64/);
  refuses("[".repeat(2_000_000), /not JSON/);
  const layers = Array.from({ length: 20_000 }, () => LAYER);
  assert.equal(parse({ ...IMAGE, layers }).layers.length, 20_000);
});

Deno.test("a manifest just under 4 MiB passes and a larger one is too large", () => {
  const annotations = Object.fromEntries(
    Array.from({ length: 390 }, (_, n) => [`note.${n}`, "x".repeat(10_000)]),
  );
  const parsed = parse({ ...IMAGE, annotations });
  assert.equal(Object.keys(parsed.annotations).length, 390);
  assert.throws(
    () => parseManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1), OCI_MANIFEST),
    (error) => isAppError(error, "TOO_LARGE"),
  );
});

Deno.test("missing or null lists, empty layers and unknown fields are fine", () => {
  const cases = [
    { layers: undefined },
    { layers: null },
    { layers: [] },
    { layers: [], annotations: null, subject: null, artifactType: "" },
    {
      layers: [],
      custom: { deep: [null, 1] },
      config: { ...CONFIG, data: "e30=", own: 1 },
    },
  ];
  for (const fields of cases) {
    const parsed = parse({ ...IMAGE, ...fields });
    assert.deepEqual(parsed.layers, []);
    assert.deepEqual(parsed.annotations, {});
    assert.equal(parsed.artifactType, undefined);
  }
  assert.deepEqual(parse({ ...INDEX, manifests: null }).manifests, []);
});

Deno.test("an artifact's type falls back to the type of its config, an index's does not", () => {
  const config = {
    mediaType: OCI_EMPTY,
    digest: OCI_EMPTY_DIGEST,
    size: 2,
  };
  assert.equal(
    effectiveArtifactType(parse({ ...IMAGE, config, artifactType: "a/b" })),
    "a/b",
  );
  assert.equal(effectiveArtifactType(parse({ ...IMAGE, config })), OCI_EMPTY);
  assert.equal(effectiveArtifactType(parse(INDEX)), undefined);
  assert.equal(
    effectiveArtifactType(parse({ ...INDEX, artifactType: "a/b" })),
    "a/b",
  );
});

Deno.test("layers on other servers are referenced but not required", () => {
  const foreign = {
    ...descriptor("foreign", FOREIGN),
    urls: ["https://example.com/layer"],
  };
  const withoutUrls = descriptor("also foreign", FOREIGN);
  const ordinary = { ...LAYER, urls: ["https://example.com/layer"] };
  const parsed = parse({
    ...IMAGE,
    layers: [foreign, withoutUrls, ordinary, ordinary],
    subject: CHILD,
  });
  assert.deepEqual(
    referencedBlobs(parsed).map((blob) => blob.digest),
    [CONFIG, foreign, withoutUrls, LAYER].map((blob) => blob.digest),
  );
  assert.deepEqual(
    requiredBlobs(parsed).map((blob) => blob.digest),
    [CONFIG, withoutUrls, LAYER].map((blob) => blob.digest),
  );
  assert.deepEqual(childManifests(parsed), []);
});

/** Values close to a manifest: the right fields, sometimes with invalid content. */
function nearManifest() {
  const wrong = fc.jsonValue({ maxDepth: 2 });
  const descriptors = fc.record({
    mediaType: fc.oneof(
      { weight: 5, arbitrary: fc.constant(LAYER_TYPE) },
      wrong,
    ),
    digest: fc.oneof(
      { weight: 5, arbitrary: fc.constant(LAYER.digest) },
      wrong,
    ),
    size: fc.oneof({ weight: 5, arbitrary: fc.nat() }, wrong),
    annotations: wrong,
    platform: wrong,
  }, { requiredKeys: ["mediaType", "digest", "size"] });
  const some = fc.oneof({ weight: 5, arbitrary: descriptors }, wrong);
  return fc.record({
    schemaVersion: fc.oneof({ weight: 9, arbitrary: fc.constant(2) }, wrong),
    mediaType: fc.constantFrom(
      OCI_MANIFEST,
      OCI_INDEX,
      DOCKER_MANIFEST,
      DOCKER_LIST,
    ),
    config: some,
    layers: fc.array(some, { maxLength: 3 }),
    manifests: fc.array(some, { maxLength: 3 }),
    subject: some,
    artifactType: wrong,
    annotations: wrong,
  }, { requiredKeys: ["schemaVersion", "mediaType"] });
}

Deno.test("any JSON close to a manifest is parsed or refused as a client error", () => {
  fc.assert(
    fc.property(nearManifest(), (value) => {
      const parsed = valueOrClientError(() => parse(value));
      if (parsed === undefined) return;
      assert.equal(parsed.kind === "image", parsed.config !== undefined);
      for (const blob of requiredBlobs(parsed)) assert.ok(blob.size >= 0);
    }),
    FUZZ,
  );
});

Deno.test("any bytes are parsed or refused as a client error", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map(bytesOf),
        fc.string({ unit: fc.constantFrom(...'{}[]":,\\ua0') }).map(bytesOf),
      ),
      fc.option(fc.string(), { nil: undefined }),
      (bytes, contentType) => {
        valueOrClientError(() => parseManifest(bytes, contentType));
        valueOrClientError(() => parseManifest(bytes, OCI_MANIFEST));
      },
    ),
    FUZZ,
  );
});

Deno.test("parsing takes time proportional to the bytes", () => {
  const million = 1_000_000;
  const hostile = [
    `{"a":"${"\\\\".repeat(million)}"}`,
    `{"a":"${'\\"'.repeat(million)}"}`,
    `{${'"":1,'.repeat(million / 2)}"":1}`,
    `{"annotations":{${'"a":"b",'.repeat(million / 2)}"c":""}}`,
    `{"schemaVersion":2,"config":{"digest":"${"a+".repeat(million)}"}}`,
  ];
  for (const text of hostile) {
    const bytes = bytesOf(text);
    const start = performance.now();
    valueOrClientError(() => parseManifest(bytes, OCI_MANIFEST));
    assert.ok(performance.now() - start < 20_000, text.slice(0, 20));
  }
});

Deno.test("entries of an index that are not manifests are blobs, each once", () => {
  const layer = {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: `sha256:${"a".repeat(64)}`,
    size: 1,
  };
  const cacheConfig = {
    mediaType: "application/vnd.buildkit.cacheconfig.v0",
    digest: `sha256:${"b".repeat(64)}`,
    size: 2,
  };
  const child = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha256:${"c".repeat(64)}`,
    size: 3,
  };
  const parsed = parseManifest(new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [layer, child, layer, cacheConfig],
  })));
  assert.deepEqual(
    listedBlobs(parsed).map(({ digest }) => digest),
    [layer.digest, cacheConfig.digest],
  );
});
