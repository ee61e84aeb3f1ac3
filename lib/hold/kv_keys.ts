/**
 * Where the hold keeps what in KV.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest } from "../oci/digest.ts";
import type { Key } from "../kv/kv.ts";

/** Key tuples of the hold; the first part is always `hold`. */
export const holdKeys = {
  /** One upload in progress. */
  upload: (id: string): Key => ["hold", "upload", id],
  /** All uploads. */
  uploads: ["hold", "upload"] as Key,
  /** The digest that a ticket lets one read. */
  readTicket: (ticket: string): Key => ["hold", "read_ticket", ticket],
  /** What is known of one blob in the store. */
  blob: (digest: Digest): Key => ["hold", "blob", digest],
  /** All blobs. */
  blobs: ["hold", "blob"] as Key,
  /** That a blob is damaged. */
  damagedBlob: (digest: Digest): Key => ["hold", "blob_damaged", digest],
  /** All damaged blobs. */
  damagedBlobs: ["hold", "blob_damaged"] as Key,
  /** That somebody uploaded a blob. */
  uploader: (digest: Digest, did: Did): Key => [
    "hold",
    "uploader",
    digest,
    did,
  ],
  /** Everybody who uploaded a blob. */
  uploaders: (digest: Digest): Key => ["hold", "uploader", digest],
  /** How reading the repo of an owner went the last time. */
  ownerRead: (owner: Did): Key => ["hold", "owner_read", owner],
  /** One layer record, by whom it counts for. */
  userLayer: (user: Did, digest: Digest, rkey: string): Key => [
    "hold",
    "layer_user",
    user,
    digest,
    rkey,
  ],
  /** All layer records that count for somebody, by digest. */
  userLayers: (user: Did): Key => ["hold", "layer_user", user],
  /** One layer record, by its manifest. */
  manifestLayer: (uri: string, rkey: string): Key => [
    "hold",
    "layer_manifest",
    uri,
    rkey,
  ],
  /** All layer records of a manifest. */
  manifestLayers: (uri: string): Key => ["hold", "layer_manifest", uri],
  /** One manifest that was pushed with blobs here. */
  manifest: (uri: string): Key => ["hold", "manifest", uri],
  /** All manifests. */
  manifests: ["hold", "manifest"] as Key,
  /** That a manifest needs a blob. */
  blobUse: (digest: Digest, uri: string): Key => [
    "hold",
    "blob_use",
    digest,
    uri,
  ],
  /** All manifests that need a blob. */
  blobUses: (digest: Digest): Key => ["hold", "blob_use", digest],
  /** What is stored and reserved for one person. */
  account: (user: Did): Key => ["hold", "account", user],
  /** One blob that counts for a person. */
  charge: (user: Did, digest: Digest): Key => ["hold", "charge", user, digest],
  /** All blobs that count for somebody, by person. */
  charges: ["hold", "charge"] as Key,
  /** What a notification that was dealt with was answered. */
  notified: (key: string): Key => ["hold", "notified", key],
  /** Set when a manifest was taken back, so that pushing it again counts anew. */
  manifestAgain: (uri: string): Key => ["hold", "manifest_again", uri],
  /** The latest post about a repository. */
  lastPost: (user: Did, repository: string): Key => [
    "hold",
    "last_post",
    user,
    repository,
  ],
  /** That somebody does not want to be named in posts. */
  postOptOut: (user: Did): Key => ["hold", "post_opt_out", user],
  /** Where the picture of the profile came from. */
  profileAvatar: ["hold", "profile_avatar"] as Key,
} as const;
