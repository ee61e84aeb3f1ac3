/**
 * What an artifact is to people, by its media types.
 *
 * @module
 */

/** Kinds that lists can be filtered by. */
export const ARTIFACT_KINDS = [
  "image",
  "helm",
  "wasm",
  "model",
  "signature",
  "attestation",
  "sbom",
  "artifact",
] as const;

/** `image` is a container image; `artifact` is what none of the others fits. */
export type ArtifactKind = typeof ARTIFACT_KINDS[number];

/** By the type of the artifact or of its config; the first that fits counts. */
const KINDS: readonly (readonly [ArtifactKind, RegExp])[] = [
  [
    "image",
    /^application\/vnd\.(oci\.image|docker\.container\.image)\.(config\.)?v1\+json$/,
  ],
  ["helm", /^application\/vnd\.cncf\.helm\./],
  ["wasm", /^application\/(vnd\.)?wasm\b/],
  ["model", /^application\/vnd\.(cncf\.model|docker\.ai|ollama)\./],
  ["signature", /cosign\.(simplesigning|artifact\.sig)|notary\.signature/],
  ["attestation", /in-toto|dsse|sigstore\.bundle|slsa/],
  ["sbom", /spdx|cyclonedx|syft/],
];

/** The kind that any of `types` stands for, in their order. */
export function artifactKind(
  types: readonly (string | undefined)[],
): ArtifactKind {
  for (const type of types) {
    const found = type && KINDS.find(([, pattern]) => pattern.test(type));
    if (found) return found[0];
  }
  return "artifact";
}
