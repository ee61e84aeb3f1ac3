/**
 * Builds index rows from a manifest.
 *
 * @module
 */

import type { BlobRef } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  effectiveArtifactType,
  type ParsedManifest,
} from "../../oci/manifest.ts";
import type { ManifestRow, ReferrerRow, TagRow } from "../rows.ts";

/** Maximum annotations of a referrer row, in bytes of JSON (a KV value has at most 64 KiB). */
const MAX_ROW_ANNOTATIONS = 16 * 1024;

/** The index row of a manifest. */
export function manifestRow(
  manifest: ParsedManifest,
  facts: {
    /** Bytes. */
    size: number;
    holdDid: Did;
    /** The blob of the manifest in the owner's PDS. */
    blob: Pick<BlobRef, "ref" | "mimeType"> | undefined;
    /** Milliseconds since the Unix epoch. */
    createdAt: number;
    /** Key of the record, if written by another service. */
    rkey: string | undefined;
  },
): ManifestRow {
  const artifactType = effectiveArtifactType(manifest);
  const { subject, mediaType } = manifest;
  const { blob } = facts;
  return {
    mediaType,
    size: facts.size,
    holdDid: facts.holdDid,
    createdAt: facts.createdAt,
    ...(blob ? { blobCid: blob.ref.$link } : {}),
    ...(blob && blob.mimeType !== mediaType ? { blobType: blob.mimeType } : {}),
    ...(facts.rkey === undefined ? {} : { rkey: facts.rkey }),
    ...(subject ? { subject: subject.digest } : {}),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** The entry of a manifest in the referrers list of its subject (distribution-spec, "Listing Referrers"). */
export function referrerRow(
  digest: Digest,
  row: ManifestRow,
  manifest: ParsedManifest,
): ReferrerRow {
  const { mediaType, size, artifactType } = row;
  const { annotations } = manifest;
  const fits = !manifest.isTrimmed &&
    JSON.stringify(annotations).length <= MAX_ROW_ANNOTATIONS;
  const some = Object.keys(annotations).length > 0;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(some && fits ? { annotations } : {}),
    ...(fits ? {} : { annotationsInContent: true }),
  };
}

/** What a request for a manifest needs of the row that was found. */
export function infoOf(row: ManifestRow | TagRow) {
  const { mediaType, size, holdDid } = row;
  const knownSince = "updatedAt" in row ? row.updatedAt : row.createdAt;
  return { mediaType, size, holdDid, knownSince };
}
