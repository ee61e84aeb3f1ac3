/**
 * Manifests with something wrong: documents that are valid but for one field,
 * and texts that are no documents.
 *
 * @module
 */

import fc from "fast-check";
import {
  descriptor,
  EMPTY_JSON,
  imageManifest,
  type Manifest,
  TYPES,
} from "../support/oci.ts";

/** What manifests can name. */
export interface Content {
  /** Digests of blobs and manifests that are there. */
  readonly digests: readonly string[];
  /** A manifest whose parts are all there. */
  readonly image: Manifest;
}

const FIELDS = [
  "schemaVersion",
  "mediaType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
  "artifactType",
] as const;

/** Texts that are manifests, or would like to be. */
export function manifests({ image, digests }: Content): fc.Arbitrary<string> {
  const valid = new TextDecoder().decode(image.bytes);
  const document: Record<string, unknown> = JSON.parse(valid);
  const part = fc.record({
    mediaType: fc.oneof(
      fc.constantFrom(...Object.values(TYPES)),
      fc.string({ maxLength: 300 }),
    ),
    digest: fc.oneof(fc.constantFrom(...digests), fc.string({ maxLength: 80 })),
    size: fc.oneof(fc.integer(), fc.double(), fc.constant("12")),
  }, { requiredKeys: [] });
  const value = fc.oneof(
    part,
    fc.array(part, { maxLength: 3 }),
    fc.constantFrom(1, 2, 3, "2", ...Object.values(TYPES)),
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })),
  );
  const changed = fc.tuple(fc.constantFrom(...FIELDS), value).map((
    [field, instead],
  ) => JSON.stringify({ ...document, [field]: instead }));
  const without = fc.constantFrom(...FIELDS).map((field) => {
    const { [field]: _, ...rest } = document;
    return JSON.stringify(rest);
  });
  const artifact = imageManifest(EMPTY_JSON, [], {
    subject: descriptor(image, TYPES.manifest),
  });
  return fc.oneof(
    { weight: 8, arbitrary: changed },
    { weight: 2, arbitrary: without },
    {
      weight: 2,
      arbitrary: fc.nat({ max: valid.length }).map((end) =>
        valid.slice(0, end)
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "",
        "{}",
        "[]",
        "null",
        "\ufeff{}",
        "[".repeat(5_000),
        '{"a":'.repeat(5_000),
        '{"schemaVersion":2,"schemaVersion":2}',
        '{"__proto__":{"config":{}}}',
        valid,
        new TextDecoder().decode(artifact.bytes),
      ),
    },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
  );
}
