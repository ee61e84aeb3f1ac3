/**
 * Builds the writes of one push to the owner's repo.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import { type BlobRef, type RepoWrite } from "../../atproto/pds/pds.ts";
import {
  writeManifest,
  writeTag,
} from "../../atproto/records/record_writers.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";

const { manifest: MANIFEST, tag: TAG } = OWNER_COLLECTIONS;

/** A tag to write, with the index data of its record. */
export interface TagWrite {
  tag: string;
  /** Key of the existing record, if known. */
  rkey: string | undefined;
}

/** One push to the owner's repo. */
export interface ManifestWrite {
  repo: string;
  digest: Digest;
  manifest: ParsedManifest;
  bytes: Uint8Array;
  holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  now: number;
  tags: readonly TagWrite[];
  /** When the manifest was first pushed, in milliseconds since the Unix epoch. */
  createdAt: number;
  /** Index data of the manifest's record; undefined when unknown. */
  known: KnownRecord | undefined;
}

/**
 * Index data of a manifest record. Only a commit that updates the record and
 * references the blob proves that the repo still has both.
 */
export interface KnownRecord {
  /** False when the record's key was chosen by another service. */
  exists: boolean;
  blob: BlobRef;
}

/** The writes of one push: the record of the manifest, then those of its tags at `places`. */
export function recordWrites(
  did: Did,
  write: ManifestWrite,
  blob: BlobRef,
  places: readonly { rkey: string; exists: boolean }[],
  exists: boolean,
): RepoWrite[] {
  const writes: RepoWrite[] = [{
    action: exists ? "update" : "create",
    collection: MANIFEST,
    rkey: manifestRkey(write.digest),
    value: writeManifest({
      repository: write.repo,
      digest: write.digest,
      manifest: write.manifest,
      holdDid: write.holdDid,
      manifestBlob: blob,
      createdAt: write.createdAt,
    }),
  }];
  places.forEach((place, i) => {
    const tag = write.tags[i]?.tag;
    if (tag === undefined) return;
    writes.push({
      action: place.exists ? "update" : "create",
      collection: TAG,
      rkey: place.rkey,
      value: writeTag({
        did,
        repository: write.repo,
        tag,
        digest: write.digest,
        mediaType: write.manifest.mediaType,
        now: write.now,
      }),
    });
  });
  return writes;
}
