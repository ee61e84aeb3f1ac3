/**
 * KV keys of the registry. Rows are an index of the signed records in owners'
 * repos and of facts about holds: they can be rebuilt.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";

/** Key builders and prefixes of the registry's rows. */
export const registryKeys = {
  /** A repository that has or had content. */
  repository: (did: Did, repo: string): Key => [
    "registry",
    "repository",
    did,
    repo,
  ],
  repositories: (did: Did): Key => ["registry", "repository", did],
  allRepositories: (): Key => ["registry", "repository"],

  tag: (did: Did, repo: string, tag: string): Key => [
    "registry",
    "tag",
    did,
    repo,
    tag,
  ],
  tags: (did: Did, repo: string): Key => ["registry", "tag", did, repo],
  ownerTags: (did: Did): Key => ["registry", "tag", did],
  /** Must be written by every change that creates or deletes a tag; only its versionstamp is used. */
  tagsChanged: (did: Did, repo: string): Key => [
    "registry",
    "tags_changed",
    did,
    repo,
  ],

  manifest: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "manifest",
    did,
    repo,
    digest,
  ],
  manifests: (did: Did, repo: string): Key => [
    "registry",
    "manifest",
    did,
    repo,
  ],
  ownerManifests: (did: Did): Key => ["registry", "manifest", did],
  /** One row per repository with a manifest: they share one record. */
  manifestRepository: (did: Did, digest: Digest, repo: string): Key => [
    "registry",
    "manifest_repository",
    did,
    digest,
    repo,
  ],
  manifestRepositories: (did: Did, digest: Digest): Key => [
    "registry",
    "manifest_repository",
    did,
    digest,
  ],
  /** One row per tag that points to a manifest, so that a delete finds them. */
  manifestTag: (did: Did, repo: string, digest: Digest, tag: string): Key => [
    "registry",
    "manifest_tag",
    did,
    repo,
    digest,
    tag,
  ],
  manifestTags: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "manifest_tag",
    did,
    repo,
    digest,
  ],
  /** Manifests of a repository whose records and tags are being removed. */
  removals: (did: Did, repo: string): Key => [
    "registry",
    "removals",
    did,
    repo,
  ],
  allRemovals: (did: Did): Key => ["registry", "removals", did],
  /** The exact bytes of a manifest; shared by all repositories that have it. */
  content: (digest: Digest): Key => ["registry", "content", digest],
  contents: (): Key => ["registry", "content"],
  /** The owner of content that was not pushed here, which can be read again. */
  cachedContent: (digest: Digest): Key => [
    "registry",
    "cached_content",
    digest,
  ],
  allCachedContent: (): Key => ["registry", "cached_content"],

  referrer: (did: Did, repo: string, subject: Digest, digest: Digest): Key => [
    "registry",
    "referrer",
    did,
    repo,
    subject,
    digest,
  ],
  referrers: (did: Did, repo: string, subject: Digest): Key => [
    "registry",
    "referrer",
    did,
    repo,
    subject,
  ],

  /** Key of the record of a manifest with this subject that was never requested. */
  heardReferrer: (
    did: Did,
    repo: string,
    subject: Digest,
    digest: Digest,
  ): Key => ["registry", "heard_referrer", did, repo, subject, digest],
  heardReferrers: (did: Did, repo: string, subject: Digest): Key => [
    "registry",
    "heard_referrer",
    did,
    repo,
    subject,
  ],

  /** A manifest in an index of the repository; its record may name another repository. */
  heardChild: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "heard_child",
    did,
    repo,
    digest,
  ],

  /** A blob that a repository may serve, with the hold to try first. */
  blob: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "blob",
    did,
    repo,
    digest,
  ],
  /** Another hold that may have the blob. */
  blobHold: (did: Did, repo: string, digest: Digest, hold: Did): Key => [
    "registry",
    "blob_hold",
    did,
    repo,
    digest,
    hold,
  ],
  blobHolds: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "blob_hold",
    did,
    repo,
    digest,
  ],
  /** An upload that received bytes for long, or was cancelled; by its id at the hold. */
  upload: (hold: Did, id: string): Key => ["registry", "upload", hold, id],
  /** State of an upload to a remote hold. */
  remoteUpload: (id: string): Key => ["registry", "remote_push", id],
  /** Everything else of such an upload. */
  remoteRows: (id: string): Key => ["registry", "remote_rows", id],
  /** A part that the hold has. */
  remotePart: (id: string, number: number): Key => [
    "registry",
    "remote_rows",
    id,
    "part",
    number,
  ],
  /** Bytes that do not fill a part yet, by where in the blob they begin. */
  remoteTail: (id: string, at: number): Key => [
    "registry",
    "remote_rows",
    id,
    "tail",
    at,
  ],
  /** All bytes that do not fill a part yet. */
  remoteTails: (id: string): Key => ["registry", "remote_rows", id, "tail"],
  /** How many such bytes an account has, by upload. */
  remoteTailBudget: (did: Did): Key => ["registry", "remote_tail_budget", did],
  /** The same of all accounts. */
  remoteTailBudgets: ["registry", "remote_tail_budget"] as Key,

  /** When a remote hold last said that it is public, in milliseconds since the Unix epoch. */
  publicHold: (hold: Did): Key => ["registry", "public_hold", hold],

  /** Cached sailor profile of an owner. */
  profile: (did: Did): Key => ["registry", "profile", did],
  /** Key of a manifest's record in the owner's repo, if it is not derived from the digest. */
  manifestRecord: (did: Did, repo: string, digest: Digest): Key => [
    "registry",
    "manifest_record",
    did,
    repo,
    digest,
  ],
  /** When a collection of an owner was last listed at the PDS. */
  synced: (did: Did, collection: string): Key => [
    "registry",
    "synced",
    did,
    collection,
  ],
} as const;
