/**
 * Tells a hold which blobs the manifests of owners need: from the owners' own
 * repos, which are the truth about what exists.
 *
 * @module
 */

import { z } from "zod";
import { OWNER_COLLECTIONS } from "../atproto/records/collections.ts";
import type { Did } from "../did.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import {
  type ManifestRecord,
  readManifest,
} from "../atproto/records/records.ts";
import { AppError, isAppError } from "../errors.ts";
import type {
  ManifestSource,
  OwnedManifest,
} from "../hold/gc/manifest_census.ts";
import type { PushEvent } from "../hold_api/push_event.ts";
import { type Digest, digestOf, digestParts } from "../oci/digest.ts";
import {
  namedDigestsAside,
  readManifestAside,
} from "../oci/manifest_reading.ts";

export interface ManifestSourceDeps {
  identities: IdentityResolver;
  pds: PdsReader;
  maxManifestBytes: number;
  /** Bytes of a manifest that are at hand here; undefined where there are none. */
  stored?: (digest: Digest) => Promise<Uint8Array | undefined>;
}

const COLLECTION = OWNER_COLLECTIONS.manifest;

/** Pages of 100 records read of one owner; who has more is not read to the end. */
const MAX_PAGES = 1_000;

/** Layers that a record lists at most; what lists so many may have more. */
const MAX_LISTED = 1_000;

const descriptorSchema = z.object({
  digest: z.string(),
  size: z.number(),
  mediaType: z.string(),
});

/** What a record tells of the blobs. */
const contentsSchema = z.union([
  z.object({
    config: descriptorSchema,
    layers: z.array(descriptorSchema).max(MAX_LISTED - 1),
  }),
  z.object({
    manifests: z.array(descriptorSchema).min(1).max(MAX_LISTED - 1),
  }),
]);

/** {@linkcode ManifestSource} over the owners' repos. */
export function manifestSource(deps: ManifestSourceDeps): ManifestSource {
  return {
    async *manifestsOf(did, signal) {
      const owner = await living(deps, did, signal);
      if (!owner) return;
      const options = signal ? { signal } : {};
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await deps.pds.listRecords(owner.pds, did, COLLECTION, {
          limit: 100,
          ...options,
          ...(cursor === undefined ? {} : { cursor }),
        });
        for (const { value } of answer.records) {
          const record = readManifest(value);
          if (record) yield manifestOf(deps, owner, record, value);
        }
        cursor = answer.cursor;
        if (cursor === undefined || answer.records.length === 0) return;
      }
      throw new AppError(
        "UPSTREAM_FAILED",
        `${did} has more than ${MAX_PAGES * 100} manifests.`,
      );
    },
  };
}

type Owner = Identity & { readonly pds: string };

/** The owner as of now; undefined when DID or repo are certainly gone. */
async function living(
  { identities, pds }: ManifestSourceDeps,
  did: Did,
  signal: AbortSignal | undefined,
): Promise<Owner | undefined> {
  let identity: Identity;
  try {
    // An account that moved is not gone because its former PDS says so.
    identity = await identities.resolve(did, {
      fresh: true,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    // The directory knows every did:plc; a host that does not find its
    // document may just be set up wrongly.
    if (isAppError(error, "NAME_UNKNOWN") && did.startsWith("did:plc:")) {
      return undefined;
    }
    throw error;
  }
  if (identity.pds === undefined) {
    throw new AppError("UPSTREAM_FAILED", `${did} names no PDS.`);
  }
  return await pds.hasRepo(identity.pds, did, signal)
    ? { ...identity, pds: identity.pds }
    : undefined;
}

function manifestOf(
  deps: ManifestSourceDeps,
  owner: Owner,
  record: ManifestRecord,
  value: Record<string, unknown>,
): OwnedManifest {
  const { digest, holdDid, mediaType, repository } = record;
  const noticeOf = (
    { config, layers = [], manifests }: Partial<PushEvent["manifest"]>,
  ): PushEvent => ({
    owner: owner.did,
    repository,
    digest,
    manifest: { mediaType, config, layers, manifests },
  });
  return {
    digest,
    holdDid,
    contents: async (signal) => {
      const told = contentsSchema.safeParse(value).data;
      if (told) return noticeOf(told);
      const bytes = await manifestBytes(deps, owner, record, signal);
      return noticeOf(bytes ? await parsed(bytes, mediaType) : {});
    },
    named: async (signal) => {
      const bytes = await manifestBytes(deps, owner, record, signal);
      return bytes && await namedDigestsAside(bytes);
    },
  };
}

/** The bytes; undefined when neither we nor the repo have what the digest promises. */
async function manifestBytes(
  { pds, maxManifestBytes, stored }: ManifestSourceDeps,
  owner: Owner,
  { digest, manifestBlob }: ManifestRecord,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const known = await stored?.(digest);
  if (known) return new Uint8Array(known);
  const cid = manifestBlob?.ref.$link;
  if (cid === undefined) return undefined;
  const blob = await pds.getBlob(owner.pds, owner.did, cid, {
    maxBytes: maxManifestBytes,
    ...(signal ? { signal } : {}),
  });
  const { algorithm } = digestParts(digest);
  return blob && digestOf(blob.bytes, algorithm) === digest
    ? new Uint8Array(blob.bytes)
    : undefined;
}

/** The manifest; empty when it is none, and nobody can pull it then. */
async function parsed(
  bytes: Uint8Array<ArrayBuffer>,
  mediaType: string,
): Promise<Partial<PushEvent["manifest"]>> {
  try {
    return await readManifestAside(bytes, mediaType);
  } catch (error) {
    if (isAppError(error, "MANIFEST_INVALID")) return {};
    throw error;
  }
}
