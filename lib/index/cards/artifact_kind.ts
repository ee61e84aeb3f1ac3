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

/** The types of a manifest that say what it is. */
export interface ArtifactTypes {
  readonly artifactType?: string | undefined;
  readonly config?: { readonly mediaType: string } | undefined;
  readonly layers: readonly { readonly mediaType: string }[];
}

/** Layers that are looked at. */
const MAX_LAYERS = 8;

/** The kind of a manifest that is no index. */
export function manifestKindOf(
  { artifactType, config, layers }: ArtifactTypes,
): ArtifactKind {
  const kind = artifactKind([artifactType, config?.mediaType]);
  if (kind !== "image" && kind !== "artifact") return kind;
  // Signatures and modules may have the configuration of an image.
  const types = layers.slice(0, MAX_LAYERS).map(({ mediaType }) => mediaType);
  const content = artifactKind(types);
  return content === "artifact" ? kind : content;
}

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
