/**
 * The list of what this server keeps about an account, for its export, its
 * deletion and the page on privacy. A kind of row is named by the text parts
 * that its keys begin with, without the version of the index: `index/card`.
 *
 * @module
 */

/** Rows that belong together for the people they are about. */
export interface AccountGroup {
  /** Member of the export. */
  readonly name: GroupName;
  /** What is kept, and for what time, as an item of a list. */
  readonly text: string;
  /** Rows with the DID behind the kind: exported, and deleted. */
  readonly exported?: readonly string[];
  /** Rows that hold secrets or follow from others: deleted, and not exported. */
  readonly derived?: readonly string[];
  /** Counters with a day or month between kind and DID: exported, and deleted. */
  readonly byTime?: readonly string[];
  /** Rows that need more than their keys: what wrote them deletes them. */
  readonly byService?: readonly string[];
}

/** Rows that name an account and stay. */
export interface KeptRows {
  readonly kinds: readonly string[];
  /** What they are and why they stay, as an item of a list. */
  readonly because: string;
}

/** Members of the export. */
export type GroupName =
  | "sessions"
  | "devicesAndTokens"
  | "webhooks"
  | "pinned"
  | "stars"
  | "pages"
  | "images"
  | "counts"
  | "activity"
  | "profile"
  | "posts";

/** What is exported and deleted, in the order of deletion. */
export const ACCOUNT_GROUPS: readonly AccountGroup[] = [
  {
    name: "sessions",
    text: "for each signed-in browser its address, its kind and when it was " +
      "last used, for 90 days at most, and tokens of your PDS, encrypted",
    byService: [
      ...["auth/web_session_of", "auth/oauth_session"],
      ...["atproto/session", "atproto/password"],
    ],
  },
  {
    name: "devicesAndTokens",
    text: "devices and access tokens: their names, rights and last use, and " +
      "a hash in place of the secret",
    derived: ["auth/device_turn"],
    byService: ["auth/device_of"],
  },
  {
    name: "webhooks",
    text: "webhooks, with addresses and secrets encrypted, a log of 30 days, " +
      "and what scanners last reported about your images",
    exported: ["observed/webhook_scan"],
    derived: [
      ...["observed/webhook", "observed/webhook_delivery"],
      "observed/webhook_turn",
    ],
  },
  {
    name: "pinned",
    text: "the repositories that you pinned",
    exported: ["observed/pins"],
  },
  {
    name: "stars",
    text: "which repositories you star",
    exported: ["index/star_record"],
    derived: ["index/starred", "index/stars_listed"],
    byService: ["index/star"],
  },
  {
    name: "pages",
    text: "the pages of your repositories",
    derived: ["index/page", "index/page_text"],
  },
  {
    name: "images",
    text: "an index of your images and tags, and how tags moved",
    exported: [
      ...["registry/repository", "registry/tag", "registry/manifest"],
      ...["index/card", "index/tag", "index/manifest", "observed/tag_move"],
    ],
    derived: [
      ...["registry/tags_changed", "registry/manifest_repository"],
      ...["registry/manifest_tag", "registry/manifest_record"],
      ...["registry/referrer", "registry/heard_referrer"],
      ...["registry/heard_child", "registry/blob", "registry/blob_hold"],
      ...["registry/synced", "index/manifest_record", "index/tag_record"],
      ...["index/tag_time", "index/digest_tag", "index/in_index"],
      ...["index/updated_of", "index/count", "index/bound", "index/gone"],
      ...["index/network_record", "index/network_record_count"],
      "index/network_account",
    ],
    byService: ["index/layer", "index/updated", "index/word", "index/name"],
  },
  {
    name: "counts",
    text: "how often your repositories were pulled and pushed to, by day for " +
      "400 days, then by month",
    exported: ["observed/pulls", "observed/pulls_tag", "observed/pushes"],
    byTime: ["observed/pulls_on", "observed/pulls_in", "observed/pushes_on"],
    derived: [
      ...["observed/push_seen", "observed/reported", "observed/hold_stats"],
      "observed/unsettled",
    ],
  },
  {
    name: "activity",
    text: "your pushes and stars by time, for 400 days",
    exported: ["observed/activity_of"],
    byService: ["observed/activity"],
  },
  {
    name: "profile",
    text: "your handle, your public profile and settings, whether your PDS " +
      "shows the account, and whom you follow of the accounts known here",
    exported: [
      ...["identity", "atproto/hosting", "registry/profile"],
      ...["index/owner", "index/actor", "index/follows"],
    ],
    byService: ["index/owner_word"],
  },
  {
    name: "posts",
    text: "whether the hold of this server may post about your pushes",
    byService: ["hold/post_opt_out"],
  },
];

/** What stays after a deletion. */
export const KEPT_ROWS: readonly KeptRows[] = [
  {
    kinds: ["auth/logins_revoked_until", "atproto/token"],
    because: "marks that keep revoked logins and used tokens from being used " +
      "again, until they expire",
  },
  {
    kinds: [
      ...["registry/removals", "registry/remote_tail_budget"],
      "registry/upload",
    ],
    because: "uploads and deletions under way, until they are done",
  },
  {
    kinds: ["index/star_count", "index/stars_on"],
    because: "stars that other accounts give to your repositories",
  },
  {
    kinds: [
      ...["index/hold", "index/hold_of", "index/hold_crew"],
      ...["index/hold_member", "index/own_hold_read", "observed/storage"],
      ...["observed/hold_health", "registry/public_hold"],
    ],
    because: "public records of holds that you own or belong to, and how " +
      "those holds are",
  },
  {
    kinds: [
      ...["avatar/profile", "avatar/image", "avatar/variant"],
      ...["avatar/refusal", "avatar/replaced", "avatar/stray"],
    ],
    because: "your public profile picture in several sizes, until it is " +
      "replaced or no longer asked for",
  },
  {
    kinds: [
      ...["hold/uploader", "hold/may_need", "hold/owner_read"],
      ...["hold/need", "hold/needer", "hold/manifest"],
      ...["hold/layer_user", "hold/account", "hold/charge"],
      ...["hold/last_post", "repo"],
    ],
    because: "what a hold has recorded, which is deleted by choosing the " +
      "hold, and the sizes of blobs that it charges to you, until its garbage " +
      "collection removes them",
  },
];
