/**
 * Builds the records that the registry writes into owners' repos; `records.ts`
 * reads them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { BlobRef } from "../pds/pds.ts";
import { manifestUri, type SailorProfile } from "./records.ts";

/** Names with a meaning of their own in records; a PDS refuses them (data model, "Data Types"). */
const RESERVED = /^(?:__proto__$|\$)/;

/** Maximum bytes of annotations (as JSON) in a record. */
const MAX_ANNOTATIONS = 100_000;

/** Maximum layers and manifests listed in a record. */
const MAX_LISTED = 1_000;

/** The same in a lean record, which then has less than 100 kB. */
const MAX_LISTED_LEAN = 300;

/** Maximum size of a manifest record in bytes of JSON; a repo accepts 1 MB. */
const MAX_RECORD = 700_000;

/** Facts of a manifest record. */
export interface ManifestFacts {
  repository: string;
  digest: Digest;
  manifest: ParsedManifest;
  holdDid: Did;
  manifestBlob: BlobRef;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
}

/**
 * Builds an `io.atcr.manifest` record. What would make it too large for a repo
 * is only in the blob: entries beyond {@linkcode MAX_LISTED}, then annotations
 * and URLs. A lean record, for a PDS that takes no larger one, leaves out more.
 */
export function writeManifest(
  facts: ManifestFacts,
  isLean = false,
): Record<string, unknown> {
  const full = manifestRecord(facts, extrasOf, MAX_LISTED);
  if (!isLean && jsonBytes(full) <= MAX_RECORD) return full;
  return manifestRecord(
    facts,
    () => ({}),
    isLean ? MAX_LISTED_LEAN : MAX_LISTED,
  );
}

function manifestRecord(
  facts: ManifestFacts,
  extras: typeof extrasOf,
  listed: number,
): Record<string, unknown> {
  const { manifest } = facts;
  const { config, subject, kind } = manifest;
  const reference = (descriptor: Descriptor) => ({
    ...blobReference(descriptor),
    ...extras(descriptor),
  });
  const child = (descriptor: Descriptor) => ({
    ...manifestReference(descriptor),
    ...extras(descriptor),
  });
  const layers = manifest.layers.slice(0, listed).map(reference);
  const manifests = manifest.manifests.slice(0, listed).map(child);
  return {
    $type: "io.atcr.manifest",
    repository: facts.repository,
    digest: facts.digest,
    mediaType: manifest.mediaType,
    schemaVersion: manifest.schemaVersion,
    holdDid: facts.holdDid,
    ...(config ? { config: reference(config) } : {}),
    ...(kind === "image" ? { layers } : { manifests }),
    ...(subject ? { subject: reference(subject) } : {}),
    ...extras(manifest),
    manifestBlob: facts.manifestBlob,
    createdAt: new Date(facts.createdAt).toISOString(),
  };
}

/** Facts of a tag record. */
export interface TagFacts {
  did: Did;
  repository: string;
  tag: string;
  digest: Digest;
  mediaType: string;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/** An `io.atcr.tag` record. */
export function writeTag(facts: TagFacts): Record<string, unknown> {
  return {
    $type: "io.atcr.tag",
    repository: facts.repository,
    tag: facts.tag,
    manifest: manifestUri(facts.did, facts.digest),
    mediaType: facts.mediaType,
    updatedAt: new Date(facts.now).toISOString(),
  };
}

/** An `io.atcr.sailor.profile` record for a new user. */
export function writeProfile(
  facts: { defaultHold: Did; now: number },
): Record<string, unknown> {
  const now = new Date(facts.now).toISOString();
  return {
    $type: "io.atcr.sailor.profile",
    defaultHold: facts.defaultHold,
    createdAt: now,
    updatedAt: now,
  };
}

/** The record `before` of a user with other settings; what is not set here stays as it is. */
export function changeProfile(
  before: Readonly<Record<string, unknown>>,
  wanted: SailorProfile,
  now: number,
): Record<string, unknown> {
  const { defaultHold, autoRemoveUntagged, client, registryDomain } = wanted;
  const at = new Date(now).toISOString();
  return {
    createdAt: at,
    ...before,
    $type: "io.atcr.sailor.profile",
    defaultHold: defaultHold ?? null,
    autoRemoveUntagged,
    ociClient: client ?? "",
    registryDomain: registryDomain ?? "",
    updatedAt: at,
  };
}

function blobReference(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, size, digest } = descriptor;
  return { mediaType: cut(mediaType, 128), size, digest };
}

function manifestReference(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, size, digest, platform } = descriptor;
  // The lexicon requires both names; attestations use `unknown` for each.
  const known = platform && platform.os !== "" && platform.architecture !== "";
  return {
    mediaType: cut(mediaType, 128),
    size,
    digest,
    ...(known
      ? {
        platform: {
          architecture: cut(platform.architecture, 32),
          os: cut(platform.os, 32),
          ...(platform.variant ? { variant: cut(platform.variant, 32) } : {}),
          ...(platform["os.version"]
            ? { osVersion: cut(platform["os.version"], 64) }
            : {}),
          ...(platform["os.features"]
            ? { osFeatures: platform["os.features"].map((f) => cut(f, 64)) }
            : {}),
        },
      }
      : {}),
  };
}

/** Optional fields of a descriptor or manifest. */
function extrasOf(
  { annotations = {}, urls = [] }: {
    annotations?: Readonly<Record<string, string>> | undefined;
    urls?: readonly string[] | undefined;
  },
): Record<string, unknown> {
  const places = urls.filter((url) => URL.canParse(url)).slice(0, 10);
  const names = Object.keys(annotations);
  const hasNotes = names.length > 0 &&
    !names.some((name) => RESERVED.test(name)) &&
    jsonBytes(annotations) <= MAX_ANNOTATIONS;
  return {
    ...(places.length > 0 ? { urls: places } : {}),
    ...(hasNotes ? { annotations } : {}),
  };
}

function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).byteLength;
}

/** Truncates `text` to `bytes` bytes of UTF-8; lexicons count bytes. */
function cut(text: string, bytes: number): string {
  const into = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, into);
  return text.slice(0, read);
}
