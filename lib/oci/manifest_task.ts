/**
 * Messages to and from the worker that parses large manifests. Sending an
 * object to another thread costs as much as parsing it, so only what is needed
 * is sent.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { ParsedManifest } from "./manifest.ts";

/** A manifest to parse. */
export interface ReadTask {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The requested result: the manifest, or every digest in it. */
  readonly want:
    | { readonly kind: "manifest"; readonly contentType: string | undefined }
    | { readonly kind: "digests" };
}

/** The parsed manifest, or why it was refused. */
export type ReadOutcome =
  | { readonly id: number; readonly manifest: ParsedManifest }
  | { readonly id: number; readonly digests: ReadonlySet<Digest> }
  | {
    readonly id: number;
    readonly refused: {
      readonly code: ErrorCode;
      readonly message: string;
      readonly detail: unknown;
    };
  };

/**
 * Maximum bytes (as JSON) of the annotations kept, of the manifest and all its
 * entries together.
 */
const MAX_ANNOTATIONS = 100_000;

/** The manifest without annotations that are too large for any row or record. */
export function trimmed(manifest: ParsedManifest): ParsedManifest {
  const { annotations, layers, manifests } = manifest;
  const own = sizeOf(annotations) <= MAX_ANNOTATIONS;
  const others = sizeOf([
    ...[manifest.config, manifest.subject, ...layers, ...manifests]
      .map((descriptor) => descriptor?.annotations),
  ]) <= MAX_ANNOTATIONS;
  if (own && others) return manifest;
  const bare = (descriptor: Descriptor): Descriptor => {
    const { annotations: _, ...rest } = descriptor;
    return others ? descriptor : rest;
  };
  return {
    ...manifest,
    annotations: own ? annotations : {},
    config: manifest.config && bare(manifest.config),
    subject: manifest.subject && bare(manifest.subject),
    layers: layers.map(bare),
    manifests: manifests.map(bare),
    isTrimmed: true,
  };
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}
