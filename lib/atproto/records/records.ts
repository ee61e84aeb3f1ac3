/**
 * Parses the records that registries write into owners' repos, including those
 * of other implementations and earlier versions.
 *
 * @module
 */

import { AtUri, isValidRecordKey } from "@atproto/syntax";
import { z } from "zod";
import { type Did, didSchema, parseDid } from "../../did.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { BlobRef } from "../pds/pds.ts";
import { OWNER_COLLECTIONS } from "./collections.ts";
import { manifestRkey } from "./rkeys.ts";

const timeSchema = z.string().transform((text) => Date.parse(text)).refine(
  (time) => !Number.isNaN(time),
);
const digestSchema = z.string().transform((text, context): Digest => {
  if (isDigest(text)) return text;
  context.addIssue({ code: "custom", message: "no digest" });
  return z.NEVER;
});
/** Maximum characters of a CID or media type, which rows contain. */
const MAX_TEXT = 512;

const blobSchema = z.object({
  $type: z.literal("blob"),
  ref: z.object({ $link: z.string().max(MAX_TEXT) }),
  mimeType: z.string().max(MAX_TEXT),
  size: z.number(),
});

const manifestSchema = z.object({
  repository: z.string(),
  digest: digestSchema,
  mediaType: z.string(),
  createdAt: timeSchema.optional().catch(undefined),
  holdDid: didSchema.optional().catch(undefined),
  holdEndpoint: z.string().optional().catch(undefined),
  manifestBlob: blobSchema.optional().catch(undefined),
  subject: z.object({ digest: digestSchema }).optional().catch(undefined),
});

const tagSchema = z.object({
  repository: z.string(),
  tag: z.string(),
  manifest: z.string().optional().catch(undefined),
  manifestDigest: digestSchema.optional().catch(undefined),
  updatedAt: timeSchema.optional().catch(undefined),
  createdAt: timeSchema.optional().catch(undefined),
});

const profileSchema = z.object({
  defaultHold: z.string().nullish().catch(undefined),
  autoRemoveUntagged: z.boolean().optional().catch(undefined),
  ociClient: z.string().max(32).optional().catch(undefined),
  registryDomain: z.string().max(255).optional().catch(undefined),
});

/** Parsed fields of an `io.atcr.manifest` record. */
export interface ManifestRecord {
  readonly repository: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number | undefined;
  readonly holdDid: Did | undefined;
  readonly manifestBlob: BlobRef | undefined;
  /** The manifest that this one refers to. */
  readonly subject: Digest | undefined;
}

/** Parsed fields of an `io.atcr.tag` record. */
export interface TagRecord {
  readonly repository: string;
  readonly tag: string;
  /** Undefined when only the manifest's record has it. */
  readonly digest: Digest | undefined;
  /** Key of the manifest's record, if the tag names one. */
  readonly manifestRkey: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly updatedAt: number | undefined;
}

/** Parsed fields of an `io.atcr.sailor.profile` record. */
export interface SailorProfile {
  /** Absent when the owner leaves the choice to the registry. */
  readonly defaultHold: Did | undefined;
  /** Whether an image that loses its last tag to a push is deleted. */
  readonly autoRemoveUntagged: boolean;
  /** Client whose commands are shown; undefined: the first. */
  readonly client: string | undefined;
  /** Domain in names of images; undefined: the first. */
  readonly registryDomain: string | undefined;
}

/**
 * Parses a manifest record; undefined when it is not one. `holdEndpoint` of
 * early versions becomes a did:web.
 */
export function readManifest(value: unknown): ManifestRecord | undefined {
  const { data } = manifestSchema.safeParse(value);
  if (!data) return undefined;
  const { repository, digest, mediaType, createdAt, manifestBlob } = data;
  const holdDid = data.holdDid ?? didOfEndpoint(data.holdEndpoint);
  return {
    repository,
    digest,
    mediaType,
    createdAt,
    holdDid,
    manifestBlob,
    subject: data.subject?.digest,
  };
}

/**
 * Parses a tag record; undefined when it is not one. `manifestDigest` of early
 * versions is used when there is no `manifest`.
 */
export function readTag(value: unknown): TagRecord | undefined {
  const { data } = tagSchema.safeParse(value);
  if (!data) return undefined;
  const manifestRkey = rkeyOfUri(data.manifest);
  const digest = digestOfRkey(manifestRkey) ?? data.manifestDigest;
  if (digest === undefined && manifestRkey === undefined) return undefined;
  const { repository, tag } = data;
  return {
    repository,
    tag,
    digest,
    manifestRkey,
    updatedAt: data.updatedAt ?? data.createdAt,
  };
}

/** Parses a sailor profile; undefined when it is not one. A hold given as URL becomes a did:web. */
export function readProfile(value: unknown): SailorProfile | undefined {
  const { data } = profileSchema.safeParse(value);
  if (!data) return undefined;
  const hold = data.defaultHold ?? undefined;
  return {
    defaultHold: parseDid(hold ?? "") ?? didOfEndpoint(hold),
    autoRemoveUntagged: data.autoRemoveUntagged ?? false,
    client: data.ociClient || undefined,
    registryDomain: data.registryDomain || undefined,
  };
}

/** The did:web of a hold given by its URL. */
function didOfEndpoint(endpoint: string | undefined): Did | undefined {
  const url = endpoint === undefined ? null : URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.host.length > MAX_TEXT) return undefined;
  return `did:web:${url.host.replace(":", "%3A")}`;
}

/** AT-URI of a manifest record. */
export function manifestUri(did: Did, digest: Digest): string {
  return `at://${did}/${OWNER_COLLECTIONS.manifest}/${manifestRkey(digest)}`;
}

/** The key in the AT-URI of a manifest record. */
function rkeyOfUri(uri: string | undefined): string | undefined {
  if (uri === undefined) return undefined;
  try {
    const { collection, rkey } = new AtUri(uri);
    return collection === OWNER_COLLECTIONS.manifest && isValidRecordKey(rkey)
      ? rkey
      : undefined;
  } catch {
    return undefined;
  }
}

/** The digest encoded in a key built by {@linkcode manifestRkey}. */
function digestOfRkey(rkey: string | undefined): Digest | undefined {
  const algorithm = rkey?.length === 128 ? "sha512" : "sha256";
  const digest = `${algorithm}:${rkey}`;
  return isDigest(digest) ? digest : undefined;
}
