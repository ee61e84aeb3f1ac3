/**
 * Manifests and indexes: OCI image manifest, OCI image index, Docker schema 2
 * and Docker manifest list. The bytes are stored unchanged; this module parses
 * the fields that the registry uses.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import {
  absentable,
  annotationsSchema,
  artifactTypeSchema,
  type Descriptor,
  descriptorSchema,
  isForeignLayer,
} from "./descriptor.ts";
import { parseStrictJson } from "./json.ts";
import {
  bareMediaType,
  isManifestMediaType,
  isSchema1,
  MANIFEST_MEDIA_TYPES,
  type ManifestKind,
  manifestKind,
  type ManifestMediaType,
} from "./media_types.ts";
import { quote } from "../text.ts";

/** Largest manifest accepted: 4 MiB, the minimum that the specification requires. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Tags that one push may set: with the longest names they just fit into one
 * commit (distribution-spec, end-7b requires at least 10).
 */
export const MAX_TAGS = 50;

/** A parsed manifest. Unused fields are only in the bytes. */
export interface ParsedManifest {
  readonly kind: ManifestKind;
  readonly mediaType: ManifestMediaType;
  readonly schemaVersion: 2;
  /** Present exactly when `kind` is `image`. */
  readonly config: Descriptor | undefined;
  /** In order; empty for an index. */
  readonly layers: readonly Descriptor[];
  /** Children of an index, in order; empty for an image. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this one refers to (a signature's image, say). It may be missing. */
  readonly subject: Descriptor | undefined;
  /** As written; see {@linkcode effectiveArtifactType} for the fallback. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Set when annotations of a large manifest were omitted; they are in the bytes. */
  readonly isTrimmed?: true;
}

/** As many as the bytes of a manifest hold: artifacts may have thousands. */
const listSchema = absentable(z.array(descriptorSchema));

const commonFields = {
  schemaVersion: z.literal(2, "it must be 2"),
  subject: absentable(descriptorSchema),
  artifactType: artifactTypeSchema,
  annotations: absentable(annotationsSchema),
};

const imageSchema = z.object({
  ...commonFields,
  config: descriptorSchema,
  layers: listSchema,
  manifests: z.undefined("an image manifest has no such field").optional(),
});

const indexSchema = z.object({
  ...commonFields,
  manifests: listSchema,
  config: z.undefined("an index has no such field").optional(),
  layers: z.undefined("an index has no such field").optional(),
});

const mediaTypeField = z.object({ mediaType: absentable(z.string()) });

/**
 * Parses and validates a manifest.
 *
 * `contentType` is the header of the push, parameters allowed; when it is
 * missing, the `mediaType` inside decides. A document that is both image and
 * index, or repeats a field of the outermost object, is refused: two clients
 * could interpret it as different images.
 *
 * Throws AppError `MANIFEST_INVALID` with a sentence that names the field, or
 * `TOO_LARGE` above {@linkcode MAX_MANIFEST_BYTES}.
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType?: string | null,
): ParsedManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new AppError(
      "TOO_LARGE",
      `The manifest has ${bytes.length} bytes; at most ${MAX_MANIFEST_BYTES} are taken.`,
      { detail: { size: bytes.length, limit: MAX_MANIFEST_BYTES } },
    );
  }
  const body = readJson(bytes);
  const mediaType = agreedMediaType(body, bareMediaType(contentType));
  const kind = manifestKind(mediaType);
  const fields = kind === "image"
    ? { ...check(imageSchema, body), manifests: undefined }
    : { ...check(indexSchema, body), config: undefined, layers: undefined };
  if (kind === "index" && !("manifests" in body)) {
    throw invalid("The index has no field manifests; an empty one has [].");
  }
  return {
    kind,
    mediaType,
    schemaVersion: 2,
    config: fields.config,
    layers: fields.layers ?? [],
    manifests: fields.manifests ?? [],
    subject: fields.subject,
    artifactType: fields.artifactType,
    annotations: fields.annotations ?? {},
    size: bytes.length,
  };
}

/**
 * Type of the artifact for the list of referrers: `artifactType`, else for an
 * image manifest the type of its config (distribution-spec, "Listing Referrers").
 */
export function effectiveArtifactType(
  manifest: ParsedManifest,
): string | undefined {
  return manifest.artifactType ?? manifest.config?.mediaType;
}

/** Config and layers, each digest once: what garbage collection must keep. */
export function referencedBlobs(manifest: ParsedManifest): Descriptor[] {
  return once([
    ...(manifest.config === undefined ? [] : [manifest.config]),
    ...manifest.layers,
  ]);
}

/**
 * Config and layers that must exist before the manifest is accepted, each
 * digest once: all but non-distributable layers with urls.
 */
export function requiredBlobs(manifest: ParsedManifest): Descriptor[] {
  return referencedBlobs(manifest).filter((blob) => !isForeignLayer(blob));
}

/**
 * Entries of an index that are not manifests, each digest once: BuildKit caches
 * list layers and a configuration. They may also be manifests of unknown types.
 */
export function listedBlobs(manifest: ParsedManifest): Descriptor[] {
  return once(
    manifest.manifests.filter(({ mediaType }) =>
      !isManifestMediaType(bareMediaType(mediaType) ?? "")
    ),
  );
}

/** Manifests of an index, each digest once, without the subject. */
export function childManifests(manifest: ParsedManifest): Descriptor[] {
  return once(manifest.manifests);
}

function once(descriptors: readonly Descriptor[]): Descriptor[] {
  const seen = new Map<string, Descriptor>();
  for (const descriptor of descriptors) {
    if (!seen.has(descriptor.digest)) seen.set(descriptor.digest, descriptor);
  }
  return [...seen.values()];
}

function readJson(bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw invalid(`The manifest cannot be read: ${cause.message}.`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("The manifest is not a JSON object.");
  }
  return value;
}

/** The one media type that header and body agree on. */
function agreedMediaType(
  body: object,
  header: string | undefined,
): ManifestMediaType {
  const inside = check(mediaTypeField, body).mediaType;
  const type = header ?? inside;
  if (
    type !== undefined && isSchema1(type) ||
    "schemaVersion" in body && body.schemaVersion === 1
  ) {
    throw invalid(
      "Docker image manifests of schema 1 are not supported; " +
        "push the image again with a client of 2017 or later.",
    );
  }
  if (type === undefined) {
    throw invalid(
      "The manifest has no media type; send it as Content-Type or as field mediaType.",
    );
  }
  if (!isManifestMediaType(type)) {
    throw invalid(
      `${quote(type)} is not a manifest type of this registry; ` +
        `use one of ${MANIFEST_MEDIA_TYPES.join(", ")}.`,
    );
  }
  if (inside !== undefined && inside !== type) {
    throw invalid(
      `The manifest says mediaType ${quote(inside)}, ` +
        `but the Content-Type is ${quote(type)}; they must be equal.`,
    );
  }
  return type;
}

function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value, { error: plainMessage });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = z.core.toDotPath(issue?.path ?? []);
  throw invalid(
    `The field ${quote(field)} of the manifest is wrong: ${issue?.message}`,
  );
}

/** Describes a wrong type; other issues have their message in the schema. */
function plainMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  return issue.input === undefined
    ? "it is missing"
    : `it must be of type ${issue.expected}`;
}

function invalid(message: string, options: ErrorOptions = {}): AppError {
  return new AppError("MANIFEST_INVALID", message, options);
}
