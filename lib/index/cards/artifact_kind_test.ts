import assert from "node:assert/strict";
import { manifestKindOf } from "./artifact_kind.ts";

const IMAGE = { mediaType: "application/vnd.oci.image.config.v1+json" };
const TAR = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };

Deno.test("what the type of an artifact or its configuration says counts, then what its layers are", () => {
  const kinds = [
    [{ config: IMAGE, layers: [TAR] }, "image"],
    [{ config: IMAGE, layers: [] }, "image"],
    [{
      config: IMAGE,
      layers: [{
        mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      }],
    }, "signature"],
    [{
      config: IMAGE,
      layers: [{ mediaType: "application/vnd.in-toto+json" }],
    }, "attestation"],
    [{
      artifactType: "application/vnd.cncf.model.manifest.v1+json",
      layers: [TAR],
    }, "model"],
    [{
      config: { mediaType: "application/vnd.oci.empty.v1+json" },
      layers: [{ mediaType: "application/wasm" }],
    }, "wasm"],
    [{
      config: { mediaType: "application/vnd.cncf.helm.config.v1+json" },
      layers: [{
        mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
      }],
    }, "helm"],
    [{ layers: [TAR] }, "artifact"],
  ] as const;
  for (const [manifest, kind] of kinds) {
    assert.equal(manifestKindOf(manifest), kind, JSON.stringify(manifest));
  }
});
