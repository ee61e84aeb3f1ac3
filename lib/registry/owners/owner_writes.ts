/**
 * What one push writes into the owner's repo.
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

/** A tag to write, with what our index knows of its record. */
export interface TagWrite {
  tag: string;
  /** Key of the existing record, when we know one. */
  rkey: string | undefined;
}

/** One push, as it goes into the owner's repo. */
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
  /** What our index says of the manifest's record; undefined when it knows of none. */
  known: KnownRecord | undefined;
}

/**
 * A manifest record as our index remembers it. Only a commit that updates the
 * record and names the blob shows that the repo still has both.
 */
export interface KnownRecord {
  /** False when the record has a key of another service's making. */
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
