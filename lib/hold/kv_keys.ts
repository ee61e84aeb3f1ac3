/**
 * KV keys of the hold.
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
  /** The digest that a ticket authorises. */
  readTicket: (ticket: string): Key => ["hold", "read_ticket", ticket],
  /** The row of one blob. */
  blob: (digest: Digest): Key => ["hold", "blob", digest],
  /** All blobs. */
  blobs: ["hold", "blob"] as Key,
  /** Index entry of a damaged blob. */
  damagedBlob: (digest: Digest): Key => ["hold", "blob_damaged", digest],
  /** All damaged blobs. */
  damagedBlobs: ["hold", "blob_damaged"] as Key,
  /** An uploader of a blob; of earlier versions also another account that may need it. */
  uploader: (digest: Digest, did: Did): Key => [
    "hold",
    "uploader",
    digest,
    did,
  ],
  /** All uploaders of a blob. */
  uploaders: (digest: Digest): Key => ["hold", "uploader", digest],
  /** A blob that an account may need without having uploaded it. */
  need: (account: Did, digest: Digest): Key => [
    "hold",
    "need",
    account,
    digest,
  ],
  /** All such blobs of an account. */
  needs: (account: Did): Key => ["hold", "need", account],
  /** Index entry of such a blob. */
  needer: (digest: Digest, account: Did): Key => [
    "hold",
    "needer",
    digest,
    account,
  ],
  /** All accounts that may need a blob without having uploaded it. */
  needers: (digest: Digest): Key => ["hold", "needer", digest],
  /** An account that may need blobs that it did not upload. */
  mayNeed: (account: Did): Key => ["hold", "may_need", account],
  /** All such accounts. */
  mayNeedAny: ["hold", "may_need"] as Key,
  /** Result of the last read of an owner's repo. */
  ownerRead: (owner: Did): Key => ["hold", "owner_read", owner],
  /** One layer record, by the account it counts for. */
  userLayer: (user: Did, digest: Digest, rkey: string): Key => [
    "hold",
    "layer_user",
    user,
    digest,
    rkey,
  ],
  /** All layer records that count for an account, by digest. */
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
  /** All manifests of an account. */
  manifestsOf: (owner: Did): { start: Key; end: Key } => ({
    start: ["hold", "manifest", `at://${owner}/`],
    // "0" is the character after "/".
    end: ["hold", "manifest", `at://${owner}0`],
  }),
  /** Index entry of a manifest that needs a blob. */
  blobUse: (digest: Digest, uri: string): Key => [
    "hold",
    "blob_use",
    digest,
    uri,
  ],
  /** All manifests that need a blob. */
  blobUses: (digest: Digest): Key => ["hold", "blob_use", digest],
  /** Stored and reserved bytes of one account. */
  account: (user: Did): Key => ["hold", "account", user],
  /** All accounts. */
  accounts: ["hold", "account"] as Key,
  /** One blob charged to an account. */
  charge: (user: Did, digest: Digest): Key => ["hold", "charge", user, digest],
  /** All blobs charged to an account. */
  charges: ["hold", "charge"] as Key,
  /** Response to a push event that was handled. */
  notified: (key: string): Key => ["hold", "notified", key],
  /** Set when a manifest was deleted, so that pushing it again counts again. */
  manifestAgain: (uri: string): Key => ["hold", "manifest_again", uri],
  /** The latest post about a repository. */
  lastPost: (user: Did, repository: string): Key => [
    "hold",
    "last_post",
    user,
    repository,
  ],
  /** The latest posts about all repositories of an account. */
  lastPosts: (user: Did): Key => ["hold", "last_post", user],
  /** A post in a feed; its key begins with the time. */
  feedPost: (feed: string, rkey: string): Key => ["hold", "feed", feed, rkey],
  /** All posts of a feed. */
  feedPosts: (feed: string): Key => ["hold", "feed", feed],
  /** Opt-out of an account from posts. */
  postOptOut: (user: Did): Key => ["hold", "post_opt_out", user],
  /** Source URL of the profile picture. */
  profileAvatar: ["hold", "profile_avatar"] as Key,
} as const;
