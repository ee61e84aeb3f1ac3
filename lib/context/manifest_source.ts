/**
 * Reads the manifests of owners for a hold from the owners' own repos, which
 * are authoritative.
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
  /** Bytes of a manifest stored here; undefined when there are none. */
  stored?: (digest: Digest) => Promise<Uint8Array | undefined>;
}

const COLLECTION = OWNER_COLLECTIONS.manifest;

/** Maximum pages of 100 records read of one owner; larger repos are read partly. */
const MAX_PAGES = 1_000;

/** Maximum layers listed in a record; a record with this many may be incomplete. */
const MAX_LISTED = 1_000;

const descriptorSchema = z.object({
  digest: z.string(),
  size: z.number(),
  mediaType: z.string(),
});

/** Schema of the blobs in a record. */
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
        if (cursor === undefined) return;
      }
      throw new AppError(
        "UPSTREAM_FAILED",
        `${did} has more than ${MAX_PAGES * 100} manifests.`,
      );
    },
  };
}

type Owner = Identity & { readonly pds: string };

/** Resolves the owner again; undefined when DID or repo are certainly deleted. */
async function living(
  { identities, pds }: ManifestSourceDeps,
  did: Did,
  signal: AbortSignal | undefined,
): Promise<Owner | undefined> {
  let identity: Identity;
  try {
    // An account that moved is not deleted because its former PDS no longer has it.
    identity = await identities.resolve(did, {
      fresh: true,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    // The directory knows every did:plc; a host without a did:web document may
    // just be misconfigured.
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
      return bytes && noticeOf(await parsed(bytes, mediaType));
    },
    named: async (signal) => {
      const bytes = await manifestBytes(deps, owner, record, signal);
      return bytes && await namedDigestsAside(bytes);
    },
  };
}

/**
 * Returns the bytes; undefined when neither this server nor the repo has bytes
 * that match the digest.
 */
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

/** Parses the manifest; empty when it is invalid, because then it cannot be pulled. */
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
