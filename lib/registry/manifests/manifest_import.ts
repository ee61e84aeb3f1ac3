/**
 * Imports manifests that were pushed elsewhere into the index.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { ManifestRecord } from "../../atproto/records/records.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { RateLimit, RateLimiter } from "../../kv/rate_limit.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  childManifests,
  listedBlobs,
  referencedBlobs,
} from "../../oci/manifest.ts";
import { readManifestAside } from "../../oci/manifest_reading.ts";
import type { BlobIndex } from "../blob_index.ts";
import type { ManifestContent } from "./content.ts";
import type { HeardRows } from "./heard_rows.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import {
  type ManifestRow,
  manifestRow,
  type PendingRemovals,
  referrerRow,
} from "../rows.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";

export interface ManifestImportDeps {
  blobs: BlobIndex;
  clock: Clock;
  reader: OwnerReader;
  limits: Pick<RateLimiter, "take">;
  index: ManifestIndex;
  heard: HeardRows;
  content: ManifestContent;
  /** Used for records without a hold. */
  defaultHold: Did;
}

/** A manifest's record with its key. */
export interface FoundManifest {
  rkey: string;
  record: ManifestRecord;
}

/** Unit of the rate limit in bytes. */
const UNIT_BYTES = 64 * 1024;

/** Rate limit of manifests read from one owner's PDS: 128 MiB per hour. */
const OWNER_BYTES: RateLimit = {
  name: "manifests read",
  limit: 2_048,
  windowSeconds: 3_600,
};

/** Indexes manifests by their records. */
export class ManifestImport {
  readonly #deps: ManifestImportDeps;

  constructor(deps: ManifestImportDeps) {
    this.#deps = deps;
  }

  /**
   * Indexes the manifest of a record in a repository of `owner`; undefined when
   * its bytes are unavailable. Throws AppError `MANIFEST_INVALID`,
   * `UPSTREAM_FAILED` when they do not match the digest, and
   * {@linkcode RemovalsChangedError} when a manifest of the repository was
   * deleted since `removals` was read; read it before the record.
   */
  async add(
    owner: Identity,
    ref: RepoRef,
    { rkey, record }: FoundManifest,
    removals: PendingRemovals,
  ): Promise<ManifestRow | undefined> {
    const { blobs, content, index, heard, clock, defaultHold } = this.#deps;
    const { digest } = record;
    const bytes = await this.#ownBytes(ref, digest) ??
      await this.#read(owner, record);
    if (!bytes) return undefined;
    const manifest = await readManifestAside(bytes, record.mediaType);
    const facts = manifestRow(manifest, {
      size: bytes.byteLength,
      holdDid: record.holdDid ?? defaultHold,
      blob: record.manifestBlob,
      createdAt: record.createdAt ?? clock.now(),
      rkey: rkey === manifestRkey(digest) ? undefined : rkey,
    });
    const row: ManifestRow = { ...facts, imported: true };
    await content.cache(digest, bytes, owner.did);
    const named = [...referencedBlobs(manifest), ...listedBlobs(manifest)];
    await blobs.claim(ref, row.holdDid, named);
    const children = childManifests(manifest).map((child) => child.digest);
    await heard.addChildren(ref, children);
    await index.put(ref, {
      digest,
      row,
      manifest,
      tags: [],
      removals,
      ...(manifest.subject
        ? { referrer: referrerRow(digest, row, manifest) }
        : {}),
    });
    return row;
  }

  /** Reads the bytes, within the owner's hourly limit. */
  async #read(
    owner: Identity,
    record: ManifestRecord,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { limits, reader } = this.#deps;
    const claimed = costOf(record.manifestBlob?.size ?? 0);
    const { allowed, retryAfterSeconds } = await limits.take(
      OWNER_BYTES,
      owner.did,
      claimed,
    );
    if (!allowed) {
      throw new AppError(
        "TOOMANYREQUESTS",
        `Too many manifests of ${
          owner.handle ?? owner.did
        } were read from the PDS in this hour. Try again later.`,
        { retryAfterSeconds },
      );
    }
    const bytes = await reader.manifestBytes(owner, record);
    const rest = costOf(bytes?.byteLength ?? 0) - claimed;
    if (rest > 0) await limits.take(OWNER_BYTES, owner.did, rest);
    return bytes;
  }

  /**
   * Returns the bytes if the owner is known to have them in another repository.
   * Content is shared by all owners, and anyone can write a record with the
   * digest of a private manifest: only the owner's PDS can prove that the owner
   * has it.
   */
  async #ownBytes(
    ref: RepoRef,
    digest: Digest,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { content, index } = this.#deps;
    const others = await index.otherRepositories(ref, digest);
    return others.length > 0 ? await content.get(digest) : undefined;
  }
}

function costOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / UNIT_BYTES));
}
