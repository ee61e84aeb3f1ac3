/**
 * Pushes manifests: validates them, writes them to the owner's repo, indexes
 * them, and notifies the hold.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { LeaseEnding } from "../../kv/held_lease.ts";
import type { PlannedJob } from "../../kv/jobs/jobs.ts";
import type { Metrics } from "../../metrics.ts";
import { type Digest, digestOf, digestParts } from "../../oci/digest.ts";
import { listedBlobs, MAX_TAGS, requiredBlobs } from "../../oci/manifest.ts";
import { readManifestAside } from "../../oci/manifest_reading.ts";
import type { BlobIndex } from "../blob_index.ts";
import type { ManifestContent } from "./content.ts";
import type { HoldClient, HoldDirectory } from "../../hold_api/hold_client.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import {
  isRemoved,
  type ManifestRow,
  manifestRow,
  type PendingRemovals,
  referrerRow,
  type StoredTagRow,
  type TagRow,
} from "../rows.ts";
import type { KnownRecord, OwnerRecords } from "../owners/owner_records.ts";
import type { Owners } from "../owners/owners.ts";
import { requireWrite } from "../holds.ts";
import {
  describePush,
  type Push,
  type PushDeliveries,
} from "../push_delivery.ts";
import type { RepositoryEvents } from "../repository_events.ts";
import type { WriteLeases } from "../write_leases.ts";

export interface ManifestPushDeps {
  clock: Clock;
  leases: WriteLeases;
  metrics: Metrics;
  holds: HoldDirectory;
  owners: Owners;
  index: ManifestIndex;
  content: ManifestContent;
  blobs: BlobIndex;
  records: OwnerRecords;
  /** Notifies holds of pushes; undefined if they are not notified. */
  deliveries: PushDeliveries | undefined;
  events: RepositoryEvents;
  /** Whether a manifest may reference blobs that were not pushed. */
  allowMissingBlobs: boolean;
}

/** A manifest as sent by a client. */
export interface PushedManifest {
  bytes: Uint8Array<ArrayBuffer>;
  contentType: string | undefined;
  /** Set when the client pushes by digest. */
  digest: Digest | undefined;
  /** Tags to set; at most {@linkcode MAX_TAGS}. */
  tags: readonly string[];
}

/** Result for the client. */
export interface PushResult {
  digest: Digest;
  subject: Digest | undefined;
}

/** Stores manifests (distribution-spec, "Pushing Manifests"). */
export class ManifestPush {
  readonly #deps: ManifestPushDeps;

  constructor(deps: ManifestPushDeps) {
    this.#deps = deps;
  }

  /**
   * Stores `pushed` in `repo` of `owner`, who is also the caller. Throws
   * AppError `MANIFEST_INVALID`, `DIGEST_INVALID` when the bytes do not match
   * the client's digest, `MANIFEST_BLOB_UNKNOWN` when content is missing,
   * `QUOTA_EXCEEDED`, and the errors of the PDS. Nothing changes then.
   */
  async put(
    owner: Identity,
    repo: string,
    session: PdsSession,
    pushed: PushedManifest,
    signal?: AbortSignal,
  ): Promise<PushResult> {
    const { bytes } = pushed;
    if (pushed.tags.length > MAX_TAGS) {
      throw new AppError(
        "MANIFEST_INVALID",
        `One push may set at most ${MAX_TAGS} tags; this one names ${pushed.tags.length}.`,
      );
    }
    const manifest = await readManifestAside(bytes, pushed.contentType);
    const digest = verifiedDigest(bytes, pushed.digest);
    const ref: RepoRef = { did: owner.did, repo };
    const hold = await this.#deps.holds.get(
      await this.#deps.owners.holdForPush(owner, signal),
    );
    // Before anything about the hold's content is revealed.
    await requireWrite(hold, owner.did);
    const [tag] = pushed.tags;
    const push = { ref, holdDid: hold.did, digest, manifest, tag };
    let delivery: PlannedJob | undefined;
    await this.#deps.leases.push(ref, { digest, tags: pushed.tags }, {
      prepare: async (ended) => {
        await this.#requireBlobs(push, hold, ended);
        await hold.admitManifest(ref.did, describePush(push));
        delivery = this.#deps.deliveries?.plan(push);
      },
      write: (lost, removals, ending) =>
        this.#store(session, push, pushed, delivery, {
          handle: owner.handle,
          lost,
          signal,
          removals,
          ending,
        }),
    }, signal);
    this.#deps.events.committed();
    this.#deps.metrics.manifestPushes.inc();
    if (delivery) this.#deps.deliveries?.deliver(push, delivery);
    return { digest, subject: manifest.subject?.digest };
  }

  async #requireBlobs(
    { ref, manifest }: Push,
    hold: HoldClient,
    signal: AbortSignal,
  ): Promise<void> {
    const { blobs, allowMissingBlobs } = this.#deps;
    if (allowMissingBlobs) return;
    const required = requiredBlobs(manifest).map(({ digest }) => digest);
    // An index may reference missing manifests, but not blobs that were pushed and lost.
    const listed = listedBlobs(manifest).map(({ digest }) => digest);
    const missing = await blobs.missing(
      ref,
      ref.did,
      hold,
      [...required, ...await blobs.linked(ref, hold, listed)],
      signal,
    );
    if (missing.length === 0) return;
    throw new AppError(
      "MANIFEST_BLOB_UNKNOWN",
      `The manifest names content that was not pushed: ${
        missing.slice(0, 5).join(", ")
      }${missing.length > 5 ? ", …" : ""}. Push it first.`,
      { detail: missing.slice(0, 100).map((digest) => ({ digest })) },
    );
  }

  async #store(
    session: PdsSession,
    { ref, holdDid, digest, manifest }: Push,
    pushed: PushedManifest,
    delivery: PlannedJob | undefined,
    { handle, lost, signal, removals, ending }: {
      handle: string | undefined;
      lost: AbortSignal;
      signal: AbortSignal | undefined;
      removals: PendingRemovals;
      ending: LeaseEnding | undefined;
    },
  ): Promise<void> {
    const { index, records, clock, content, events } = this.#deps;
    const [before, former] = await Promise.all([
      index.manifest(ref, digest),
      index.storedTags(ref, pushed.tags),
    ]);
    const now = clock.now();
    const createdAt = before?.createdAt ?? now;
    const written = await records.write(session, {
      repository: ref.repo,
      digest,
      manifest,
      bytes: pushed.bytes,
      holdDid,
      now,
      createdAt,
      known: before && knownRecord(before),
      tags: pushed.tags.map((tag, i) => ({
        tag,
        rkey: former[i]?.rkey,
      })),
    }, signal ? AbortSignal.any([signal, lost]) : lost);
    // The current holder of the lease reads the records after us.
    lost.throwIfAborted();
    const row = manifestRow(manifest, {
      size: pushed.bytes.byteLength,
      holdDid,
      blob: written.blob,
      createdAt,
      rkey: before?.rkey,
    });
    const event = events.plan({
      kind: "push",
      ref,
      holdDid,
      at: now,
      digest,
      mediaType: manifest.mediaType,
      size: row.size,
      tags: pushed.tags.map((tag, i) => ({
        tag,
        from: pointedAt(former[i], removals),
      })),
    });
    const { bytes } = pushed;
    // Entries of the index must be readable.
    const kept = content.row(digest, bytes);
    if (!kept) await content.put(digest, bytes);
    await index.put(ref, {
      digest,
      row,
      manifest,
      handle,
      tags: pushed.tags.map((tag, i) => ({
        tag,
        row: tagRow(digest, row, now, written.rkeys[i] ?? ""),
      })),
      records: written.records,
      removals,
      ending,
      pushed: true,
      ...(manifest.subject
        ? { referrer: referrerRow(digest, row, manifest) }
        : {}),
      also: [...(kept ? [kept] : []), ...(delivery?.rows ?? []), ...event],
    });
    content.remember(digest, bytes);
  }
}

/** The row of a tag that was set at `now`. */
function tagRow(
  digest: Digest,
  { mediaType, size, holdDid }: ManifestRow,
  now: number,
  rkey: string,
): TagRow {
  const times = { updatedAt: now, checkedAt: now };
  return { digest, mediaType, size, holdDid, ...times, rkey };
}

/** The target of a stored tag. */
function pointedAt(
  row: StoredTagRow | undefined,
  removals: PendingRemovals,
): Digest | undefined {
  return row && !isRemoved(row, removals) ? row.digest : undefined;
}

/** Facts about a record from its index row. */
function knownRecord(row: ManifestRow): KnownRecord | undefined {
  const { blobCid, blobType, mediaType, size, rkey } = row;
  if (blobCid === undefined) return undefined;
  const ref = { $link: blobCid };
  const mimeType = blobType ?? mediaType;
  return {
    exists: rkey === undefined,
    blob: { $type: "blob", ref, mimeType, size },
  };
}

/** Computes the digest of `bytes` with the client's algorithm; sha256 by default. */
function verifiedDigest(
  bytes: Uint8Array,
  expected: Digest | undefined,
): Digest {
  const digest = digestOf(
    bytes,
    expected ? digestParts(expected).algorithm : "sha256",
  );
  if (expected !== undefined && expected !== digest) {
    throw new AppError(
      "DIGEST_INVALID",
      `The manifest has the digest ${digest}, but was pushed as ${expected}. Send the bytes that belong to the digest.`,
      { detail: { digest } },
    );
  }
  return digest;
}
