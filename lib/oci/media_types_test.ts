import assert from "node:assert/strict";
import {
  type ArtifactKind,
  artifactKind,
  bareMediaType,
  DOCKER_IMAGE_CONFIG,
  isManifestMediaType,
  MANIFEST_MEDIA_TYPES,
  OCI_EMPTY,
  OCI_IMAGE_CONFIG,
} from "./media_types.ts";

Deno.test("a Content-Type is taken without parameters and case", () => {
  assert.equal(bareMediaType(" Text/Plain ; charset=utf-8"), "text/plain");
  assert.equal(bareMediaType("a/b"), "a/b");
  for (const none of ["", " ", ";x", null, undefined]) {
    assert.equal(bareMediaType(none), undefined);
  }
});

Deno.test("four manifest types are known, and nothing inherited is one", () => {
  assert.equal(MANIFEST_MEDIA_TYPES.length, 4);
  assert.ok(MANIFEST_MEDIA_TYPES.every(isManifestMediaType));
  assert.equal(isManifestMediaType("toString"), false);
});

Deno.test("artifacts are told by their types", () => {
  const cases: [ArtifactKind, string | undefined, string, string][] = [
    ["image", undefined, OCI_IMAGE_CONFIG, "application/x-tar"],
    ["image", undefined, DOCKER_IMAGE_CONFIG, "application/x-tar"],
    ["helm", undefined, "application/vnd.cncf.helm.config.v1+json", "x/y"],
    [
      "signature",
      undefined,
      OCI_IMAGE_CONFIG,
      "application/vnd.dev.cosign.simplesigning.v1+json",
    ],
    ["signature", "application/vnd.cncf.notary.signature", OCI_EMPTY, "x/y"],
    [
      "attestation",
      undefined,
      OCI_IMAGE_CONFIG,
      "application/vnd.in-toto+json",
    ],
    ["sbom", "application/spdx+json", OCI_EMPTY, "x/y"],
    ["artifact", "application/vnd.example", OCI_EMPTY, "x/y"],
    ["artifact", undefined, OCI_EMPTY, "x/y"],
  ];
  for (const [kind, artifactType, config, layer] of cases) {
    const manifest = {
      kind: "image" as const,
      artifactType,
      config: { mediaType: config },
      layers: [{ mediaType: layer }],
    };
    assert.equal(artifactKind(manifest), kind, JSON.stringify(manifest));
  }
  assert.equal(artifactKind({ kind: "index", layers: [] }), "index");
});
