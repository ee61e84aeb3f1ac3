/**
 * Tells a hold which blobs the manifests of owners need: from the owners' own
 * repos, which are the truth about what exists.
 *
 * @module
 */

import { AtUri, isValidDid } from "@atproto/syntax";
import type { Did, IdentityResolver } from "../atproto/identity.ts";
import type { PdsReader } from "../atproto/pds.ts";
import { readManifest } from "../atproto/records.ts";
import { AppError } from "../errors.ts";
import type { ManifestSource } from "../hold/gc.ts";
import { type Digest, digestOf, digestParts } from "../oci/digest.ts";
import { parseManifest, referencedBlobs } from "../oci/manifest.ts";

/** What {@linkcode manifestSource} needs. */
export interface ManifestSourceDeps {
  identities: IdentityResolver;
  pds: PdsReader;
  maxManifestBytes: number;
  /** Whether a blob is needed for another reason, such as a push that is under way. */
  isNeeded: (digest: Digest) => Promise<boolean>;
}

/** {@linkcode ManifestSource} over the owners' repos. Whoever cannot be asked keeps everything. */
export function manifestSource(deps: ManifestSourceDeps): ManifestSource {
  return {
    blobsOf: async (uri) => {
      try {
        return await blobsOf(deps, uri);
      } catch (error) {
        if (error instanceof AppError) return undefined;
        throw error;
      }
    },
    isNeeded: deps.isNeeded,
  };
}

async function blobsOf(
  deps: ManifestSourceDeps,
  uri: string,
): Promise<readonly Digest[] | null | undefined> {
  const { hostname, collection, rkey } = new AtUri(uri);
  if (!isValidDid(hostname)) return undefined;
  const owner = await deps.identities.resolve(hostname);
  if (owner.pds === undefined) return undefined;
  const did: Did = owner.did;
  const found = await deps.pds.getRecord(owner.pds, did, collection, rkey);
  if (!found) return null;
  const record = readManifest(found.value);
  const cid = record?.manifestBlob?.ref.$link;
  if (!record || cid === undefined) return undefined;
  const blob = await deps.pds.getBlob(owner.pds, did, cid, {
    maxBytes: deps.maxManifestBytes,
  });
  if (!blob) return undefined;
  const { algorithm } = digestParts(record.digest);
  if (digestOf(blob.bytes, algorithm) !== record.digest) return undefined;
  return referencedBlobs(parseManifest(blob.bytes, record.mediaType))
    .map(({ digest }) => digest);
}
