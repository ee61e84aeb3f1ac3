/**
 * Content descriptors (image-spec, "OCI Content Descriptors").
 *
 * @module
 */

import { z } from "zod";
import { isAppError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { isNonDistributable } from "./media_types.ts";

/** Platform of an image in an index. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
  readonly "os.features"?: readonly string[] | undefined;
}

/** Refers to content by digest, type and size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Other locations of the content; used for non-distributable layers only. */
  readonly urls?: readonly string[] | undefined;
  /** Type of the referenced artifact, in an index. */
  readonly artifactType?: string | undefined;
  /** Platform of the referenced image, in an index. */
  readonly platform?: Platform | undefined;
}

/** An optional field; some writers send `null` for a missing one. */
export function absentable<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Visible ASCII; the grammar of RFC 6838 is stricter than what clients send. */
const mediaTypeSchema = z.string()
  .min(1, "it is empty")
  .max(255, "it is longer than 255 characters")
  .regex(/^[\x20-\x7e]*$/, "it has characters that no media type has");

/** An artifact type; an empty one counts as missing. */
export const artifactTypeSchema = z.union([z.literal(""), mediaTypeSchema])
  .nullish().transform((type) => type || undefined);

/**
 * Annotations as in the image specification: strings by name. Validated by a
 * loop, which is ten times as fast as a schema for 100,000 entries.
 */
export const annotationsSchema = z.unknown().transform(
  (value, context): Record<string, string> => {
    if (!isRecord(value)) {
      context.addIssue({
        code: "invalid_type",
        expected: "record",
        input: value,
      });
      return z.NEVER;
    }
    for (const [name, input] of Object.entries(value)) {
      if (typeof input === "string") continue;
      context.addIssue({
        code: "invalid_type",
        expected: "string",
        path: [name],
        input,
      });
      return z.NEVER;
    }
    return value as Record<string, string>;
  },
);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const digestSchema = z.string().transform((text, context): Digest => {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!isAppError(error)) throw error;
    context.addIssue({ code: "custom", message: error.message });
    return z.NEVER;
  }
});

const platformSchema = z.object({
  os: absentable(z.string()).transform((os) => os ?? ""),
  architecture: absentable(z.string()).transform((name) => name ?? ""),
  variant: absentable(z.string()),
  "os.version": absentable(z.string()),
  "os.features": absentable(z.array(z.string())),
});

/** Schema of a descriptor; drops unused fields such as `data`. */
export const descriptorSchema = z.object({
  mediaType: mediaTypeSchema,
  digest: digestSchema,
  size: z.number().int("it is not a whole number of bytes")
    .min(0, "it is negative"),
  annotations: absentable(annotationsSchema),
  urls: absentable(z.array(z.string())),
  artifactType: artifactTypeSchema,
  platform: absentable(platformSchema),
});

/**
 * Whether this layer may be missing in the registry: its type is
 * non-distributable and it names other locations (image-spec,
 * "Non-Distributable Layers").
 */
export function isForeignLayer(layer: Descriptor): boolean {
  return isNonDistributable(layer.mediaType) && (layer.urls?.length ?? 0) > 0;
}
