/**
 * Written by `deno task lexicons` from the documents beside it; do not edit.
 *
 * @module
 */

import type { LexiconDoc } from "@atproto/lexicon";
import d0 from "./io/atcr/authFullApp.json" with { type: "json" };
import d1 from "./io/atcr/hold.json" with { type: "json" };
import d2 from "./io/atcr/hold/abortUpload.json" with { type: "json" };
import d3 from "./io/atcr/hold/captain.json" with { type: "json" };
import d4 from "./io/atcr/hold/completeUpload.json" with { type: "json" };
import d5 from "./io/atcr/hold/crew.json" with { type: "json" };
import d6 from "./io/atcr/hold/deleteUserData.json" with { type: "json" };
import d7 from "./io/atcr/hold/exportUserData.json" with { type: "json" };
import d8 from "./io/atcr/hold/getLayersForManifest.json" with { type: "json" };
import d9 from "./io/atcr/hold/getPartUploadUrl.json" with { type: "json" };
import d10 from "./io/atcr/hold/getQuota.json" with { type: "json" };
import d11 from "./io/atcr/hold/initiateUpload.json" with { type: "json" };
import d12 from "./io/atcr/hold/layer.json" with { type: "json" };
import d13 from "./io/atcr/hold/listLayers.json" with { type: "json" };
import d14 from "./io/atcr/hold/notifyManifest.json" with { type: "json" };
import d15 from "./io/atcr/hold/requestCrew.json" with { type: "json" };
import d16 from "./io/atcr/hold/scan.json" with { type: "json" };
import d17 from "./io/atcr/hold/setStats.json" with { type: "json" };
import d18 from "./io/atcr/hold/stats.json" with { type: "json" };
import d19 from "./io/atcr/hold/subscribeScanJobs.json" with { type: "json" };
import d20 from "./io/atcr/hold/updateCrewTier.json" with { type: "json" };
import d21 from "./io/atcr/hold/uploadPart.json" with { type: "json" };
import d22 from "./io/atcr/manifest.json" with { type: "json" };
import d23 from "./io/atcr/repo/page.json" with { type: "json" };
import d24 from "./io/atcr/sailor/profile.json" with { type: "json" };
import d25 from "./io/atcr/sailor/star.json" with { type: "json" };
import d26 from "./io/atcr/sailor/webhook.json" with { type: "json" };
import d27 from "./io/atcr/tag.json" with { type: "json" };

/** An object with any members. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** An object without members. */
export type Empty = Readonly<Record<never, never>>;

/** A body that is not JSON. */
export type Bytes = "bytes";

/** A union member that is not in the document. */
export interface Other extends JsonObject {
  readonly $type: string;
}

/** A blob in JSON form. */
export interface BlobRef {
  $type: "blob";
  ref: { $link: string };
  mimeType: string;
  /** Bytes. */
  size: number;
}

/** Records by their NSID. */
export interface RecordTypes {
  "io.atcr.hold": { $type: "io.atcr.hold" } & {
    /** URL of the hold. */
    endpoint: string;
    /** Who runs the hold. */
    owner: string;
    /** Anybody may pull. */
    public?: boolean;
    createdAt: string;
  };
  "io.atcr.hold.captain": { $type: "io.atcr.hold.captain" } & {
    /** Who runs the hold. */
    owner: string;
    /** Anybody may pull, signed in or not. */
    public: boolean;
    /** Everybody who signs in may join the crew. */
    allowAllCrew: boolean;
    /** Pushes are announced by posts. */
    enableBlueskyPosts: boolean;
    deployedAt: string;
    /** Where the blobs are. */
    region?: string;
    /** Deprecated: who runs the machines. */
    provider?: string;
    /** The hold that users of this one are sent to. */
    successor?: string;
  };
  "io.atcr.hold.crew": { $type: "io.atcr.hold.crew" } & {
    member: string;
    /** Shown to people; permissions decide. */
    role: string;
    /** What the member may do. */
    permissions: readonly string[];
    /** Quota tier; empty is the default of the hold. */
    tier?: string;
    addedAt: string;
  };
  "io.atcr.hold.layer": { $type: "io.atcr.hold.layer" } & {
    /** Digest of the layer. */
    digest: string;
    /** Bytes. */
    size: number;
    mediaType: string;
    /** The io.atcr.manifest record that uses the layer. */
    manifest: string;
    /** Owner of the manifest. */
    userDid: string;
    createdAt: string;
  };
  "io.atcr.hold.scan": { $type: "io.atcr.hold.scan" } & {
    /** The io.atcr.manifest record that was scanned. */
    manifest: string;
    repository: string;
    /** Owner of the image. */
    userDid: string;
    critical: number;
    high: number;
    medium: number;
    low: number;
    total: number;
    scannerVersion: string;
    scannedAt: string;
    /** What the image is made of, as SPDX. */
    sbomBlob?: BlobRef;
    /** The full report. */
    vulnReportBlob?: BlobRef;
    /** Absent is ok. */
    status?: string;
    /** Why it failed or was skipped. */
    reason?: string;
  };
  "io.atcr.hold.stats": { $type: "io.atcr.hold.stats" } & {
    /** Owner of the repository. */
    ownerDid: string;
    repository: string;
    /** Manifests downloaded. */
    pullCount: number;
    /** Manifests uploaded. */
    pushCount: number;
    lastPull?: string;
    lastPush?: string;
    updatedAt: string;
  };
  "io.atcr.manifest": { $type: "io.atcr.manifest" } & {
    /** Name of the repository without its owner. */
    repository: string;
    /** Digest of the exact bytes of the manifest. */
    digest: string;
    /** Media type of the manifest. */
    mediaType: string;
    /** Version of the manifest schema; 2. */
    schemaVersion: number;
    /** The hold that has the blobs. */
    holdDid?: string;
    /** Deprecated: URL of the hold, from before holds had a DID. Read holdDid first. */
    holdEndpoint?: string;
    /** Config of an image. */
    config?: Definitions["io.atcr.manifest#blobReference"];
    /** Layers of an image, lowest first. */
    layers?: readonly Definitions["io.atcr.manifest#blobReference"][];
    /** Children of an index. */
    manifests?: readonly Definitions["io.atcr.manifest#manifestReference"][];
    /** The manifest that this one is about, for signatures and attestations. */
    subject?: Definitions["io.atcr.manifest#blobReference"];
    /** Annotations of the manifest, strings by name. */
    annotations?: JsonObject;
    /** The exact bytes of the manifest. */
    manifestBlob?: BlobRef;
    /** When the record was written. */
    createdAt: string;
  };
  "io.atcr.repo.page": { $type: "io.atcr.repo.page" } & {
    /** Name of the repository; the record key is the same with each slash as a tilde. */
    repository: string;
    /** What the repository is about, in Markdown. */
    description?: string;
    /** Picture of the repository. */
    avatar?: BlobRef;
    /** Set when the owner wrote the page, so that pushes do not fill it any more. */
    userEdited?: boolean;
    createdAt: string;
    updatedAt: string;
  };
  "io.atcr.sailor.profile": { $type: "io.atcr.sailor.profile" } & {
    /** The hold that pushes go to; absent or null leaves the choice to the registry. */
    defaultHold?: string | null;
    /** Delete the manifest record that loses its last tag when the tag is moved. */
    autoRemoveUntagged?: boolean;
    /** Client whose commands the pages show; empty is docker, none is the bare reference. */
    ociClient?: string;
    /** Domain of the registry that the pages show; empty is the first. */
    registryDomain?: string;
    createdAt: string;
    updatedAt?: string;
  };
  "io.atcr.sailor.star": { $type: "io.atcr.sailor.star" } & {
    /** The io.atcr.repo.page record of the repository, which need not exist. */
    subject: string;
    createdAt: string;
  };
  "io.atcr.sailor.webhook": { $type: "io.atcr.sailor.webhook" } & {
    /** The hold that calls the webhook. */
    holdDid: string;
    /** Sum of 1 (first scan), 2 (every scan) and 4 (changed scan). */
    triggers: number;
    /** CID of the counterpart that the hold keeps to itself. */
    privateCid: string;
    createdAt: string;
    updatedAt?: string;
  };
  "io.atcr.tag": { $type: "io.atcr.tag" } & {
    /** Name of the repository without its owner. */
    repository: string;
    /** The tag. */
    tag: string;
    /** The io.atcr.manifest record that the tag points at. */
    manifest?: string;
    /** Deprecated: digest of the manifest. Read manifest first. */
    manifestDigest?: string;
    /** Media type of the manifest, which distinguishes an index from an image. */
    mediaType?: string;
    /** When the tag was last moved. */
    updatedAt?: string;
  };
}

/** Methods by their NSID. */
export interface Methods {
  "io.atcr.hold.abortUpload": {
    params: Empty;
    input: {
      uploadId: string;
    };
    output: {
      status: "aborted";
    };
    errors: "InvalidUploadId" | "AbortFailed";
  };
  "io.atcr.hold.completeUpload": {
    params: Empty;
    input: {
      uploadId: string;
      digest: string;
      /** All parts in order, where they were sent to the storage directly. */
      parts?: readonly Definitions["io.atcr.hold.completeUpload#part"][];
    };
    output: {
      status: "completed";
      digest: string;
    };
    errors:
      | "InvalidUploadId"
      | "InvalidDigest"
      | "MissingParts"
      | "CompletionFailed";
  };
  "io.atcr.hold.deleteUserData": {
    params: Empty;
    input: Empty;
    output: {
      success: boolean;
      /** False for the captain, and for a member who has less than every account: the record stays. */
      crewDeleted: boolean;
      layersDeleted: number;
      statsDeleted: number;
    };
    errors: "AuthRequired" | "DeletionFailed";
  };
  "io.atcr.hold.exportUserData": {
    params: Empty;
    input: undefined;
    output: {
      exportedAt: string;
      holdDid: string;
      userDid: string;
      isCaptain: boolean;
      crewRecord?:
        | Definitions["io.atcr.hold.exportUserData#crewExport"]
        | undefined;
      layerRecords:
        readonly Definitions["io.atcr.hold.exportUserData#layerExport"][];
      statsRecords:
        readonly Definitions["io.atcr.hold.exportUserData#statsExport"][];
      blueskyPosts:
        readonly Definitions["io.atcr.hold.exportUserData#postExport"][];
    };
    errors: "AuthRequired";
  };
  "io.atcr.hold.getLayersForManifest": {
    params: {
      manifest: string;
    };
    input: undefined;
    output: {
      layers: readonly RecordTypes["io.atcr.hold.layer"][];
    };
    errors: never;
  };
  "io.atcr.hold.getPartUploadUrl": {
    params: Empty;
    input: {
      uploadId: string;
      partNumber: number;
    };
    output: {
      url: string;
      method?: string | undefined;
      /** Headers to send along, strings by name. */
      headers?: JsonObject | undefined;
    };
    errors: "InvalidUploadId" | "InvalidPartNumber";
  };
  "io.atcr.hold.getQuota": {
    params: {
      userDid: string;
    };
    input: undefined;
    output: {
      userDid: string;
      uniqueBlobs: number;
      /** Bytes. */
      totalSize: number;
      /** Bytes; absent without limit. */
      limit?: number | undefined;
      tier?: string | undefined;
    };
    errors: "InvalidUserDid";
  };
  "io.atcr.hold.initiateUpload": {
    params: Empty;
    input: {
      /** Digest of the blob, or a name for it while the digest is not known. */
      digest: string;
      /** Bytes, when known, so that the quota can be checked first. */
      size?: number;
    };
    output: {
      uploadId: string;
    };
    errors: "InvalidDigest";
  };
  "io.atcr.hold.listLayers": {
    params: {
      /** Only layers of manifests of this account. */
      userDid?: string;
      /** Only layers of manifests that were pushed to a repository of this name, without its owner. */
      repository?: string;
      /** Only records made at this time or later. */
      since?: string;
      /** Only records made before this time. */
      until?: string;
      limit: number;
      cursor?: string;
    };
    input: undefined;
    output: {
      cursor?: string | undefined;
      layers: readonly RecordTypes["io.atcr.hold.layer"][];
    };
    errors: never;
  };
  "io.atcr.hold.notifyManifest": {
    params: Empty;
    input: {
      repository: string;
      /** Owner of the repository. */
      userDid: string;
      manifestDigest: string;
      tag?: string;
      operation: string;
      manifest: Definitions["io.atcr.hold.notifyManifest#manifest"];
    };
    output: {
      success: boolean;
      operation: string;
      statsUpdated: boolean;
      layersCreated?: number | undefined;
      postCreated?: boolean | undefined;
      postUri?: string | undefined;
      error?: string | undefined;
    };
    errors: "InvalidOperation" | "UserMismatch" | "QuotaExceeded";
  };
  "io.atcr.hold.requestCrew": {
    params: Empty;
    input: {
      role: string;
      /** blob:read and blob:write when absent. */
      permissions?: readonly string[];
    };
    output: {
      status: string;
      uri?: string | undefined;
      cid?: string | undefined;
      message?: string | undefined;
    };
    errors: "AuthRequired" | "RegistrationDisabled";
  };
  "io.atcr.hold.setStats": {
    params: Empty;
    input: {
      ownerDid: string;
      repository: string;
      pullCount?: number;
      pushCount?: number;
      lastPull?: string;
      lastPush?: string;
    };
    output: {
      success: boolean;
    };
    errors: "InvalidOwner" | "InvalidRepository";
  };
  "io.atcr.hold.subscribeScanJobs": {
    params: {
      /** Last sequence number seen; -1 for new jobs only. */
      cursor?: number;
    };
    input: undefined;
    output: Bytes;
    errors: "InvalidSecret";
  };
  "io.atcr.hold.updateCrewTier": {
    params: Empty;
    input: {
      userDid: string;
      /** Place in the list of tiers of the hold, from 0. */
      tierRank: number;
    };
    output: {
      tierName: string;
    };
    errors: "AuthRequired" | "UserNotFound";
  };
  "io.atcr.hold.uploadPart": {
    params: Empty;
    input: Bytes;
    output: {
      etag: string;
    };
    errors: "InvalidUploadId" | "InvalidPartNumber" | "UploadFailed";
  };
  "app.bsky.actor.getProfile": {
    params: {
      /** Handle or DID of account to fetch profile of. */
      actor: string;
    };
    input: undefined;
    output: Definitions["app.bsky.actor.defs#profileViewDetailed"];
    errors: never;
  };
  "app.bsky.actor.getProfiles": {
    params: {
      actors: readonly string[];
    };
    input: undefined;
    output: {
      profiles:
        readonly Definitions["app.bsky.actor.defs#profileViewDetailed"][];
    };
    errors: never;
  };
  "app.bsky.feed.describeFeedGenerator": {
    params: Empty;
    input: undefined;
    output: {
      did: string;
      feeds: readonly Definitions["app.bsky.feed.describeFeedGenerator#feed"][];
      links?:
        | Definitions["app.bsky.feed.describeFeedGenerator#links"]
        | undefined;
    };
    errors: never;
  };
  "app.bsky.feed.getFeedSkeleton": {
    params: {
      /** Reference to feed generator record describing the specific feed being requested. */
      feed: string;
      limit: number;
      cursor?: string;
    };
    input: undefined;
    output: {
      cursor?: string | undefined;
      feed: readonly Definitions["app.bsky.feed.defs#skeletonFeedPost"][];
      /** Unique identifier per request that may be passed back alongside interactions. */
      reqId?: string | undefined;
    };
    errors: "UnknownFeed";
  };
  "com.atproto.identity.resolveHandle": {
    params: {
      /** The handle to resolve. */
      handle: string;
    };
    input: undefined;
    output: {
      did: string;
    };
    errors: "HandleNotFound";
  };
  "com.atproto.repo.applyWrites": {
    params: Empty;
    input: {
      /** The handle or DID of the repo (aka, current account). */
      repo: string;
      /** Can be set to 'false' to skip Lexicon schema validation of record data across all operations, 'true' to require it, or leave unset to validate only for known Lexicons. */
      validate?: boolean;
      writes: ReadonlyArray<
        | { $type: "com.atproto.repo.applyWrites#create" }
          & Definitions["com.atproto.repo.applyWrites#create"]
        | { $type: "com.atproto.repo.applyWrites#update" }
          & Definitions["com.atproto.repo.applyWrites#update"]
        | { $type: "com.atproto.repo.applyWrites#delete" }
          & Definitions["com.atproto.repo.applyWrites#delete"]
      >;
      /** If provided, the entire operation will fail if the current repo commit CID does not match this value. Used to prevent conflicting repo mutations. */
      swapCommit?: string;
    };
    output: {
      commit?: Definitions["com.atproto.repo.defs#commitMeta"] | undefined;
      results?:
        | ReadonlyArray<
          | { $type: "com.atproto.repo.applyWrites#createResult" }
            & Definitions["com.atproto.repo.applyWrites#createResult"]
          | { $type: "com.atproto.repo.applyWrites#updateResult" }
            & Definitions["com.atproto.repo.applyWrites#updateResult"]
          | { $type: "com.atproto.repo.applyWrites#deleteResult" }
            & Definitions["com.atproto.repo.applyWrites#deleteResult"]
        >
        | undefined;
    };
    errors: "InvalidSwap";
  };
  "com.atproto.repo.createRecord": {
    params: Empty;
    input: {
      /** The handle or DID of the repo (aka, current account). */
      repo: string;
      /** The NSID of the record collection. */
      collection: string;
      /** The Record Key. */
      rkey?: string;
      /** Can be set to 'false' to skip Lexicon schema validation of record data, 'true' to require it, or leave unset to validate only for known Lexicons. */
      validate?: boolean;
      /** The record itself. Must contain a $type field. */
      record: JsonObject;
      /** Compare and swap with the previous commit by CID. */
      swapCommit?: string;
    };
    output: {
      uri: string;
      cid: string;
      commit?: Definitions["com.atproto.repo.defs#commitMeta"] | undefined;
      validationStatus?: string | undefined;
    };
    errors: "InvalidSwap";
  };
  "com.atproto.repo.deleteRecord": {
    params: Empty;
    input: {
      /** The handle or DID of the repo (aka, current account). */
      repo: string;
      /** The NSID of the record collection. */
      collection: string;
      /** The Record Key. */
      rkey: string;
      /** Compare and swap with the previous record by CID. */
      swapRecord?: string;
      /** Compare and swap with the previous commit by CID. */
      swapCommit?: string;
    };
    output: {
      commit?: Definitions["com.atproto.repo.defs#commitMeta"] | undefined;
    };
    errors: "InvalidSwap";
  };
  "com.atproto.repo.describeRepo": {
    params: {
      /** The handle or DID of the repo. */
      repo: string;
    };
    input: undefined;
    output: {
      handle: string;
      did: string;
      /** The complete DID document for this account. */
      didDoc: JsonObject;
      /** List of all the collections (NSIDs) for which this repo contains at least one record. */
      collections: readonly string[];
      /** Indicates if handle is currently valid (resolves bi-directionally) */
      handleIsCorrect: boolean;
    };
    errors: never;
  };
  "com.atproto.repo.getRecord": {
    params: {
      /** The handle or DID of the repo. */
      repo: string;
      /** The NSID of the record collection. */
      collection: string;
      /** The Record Key. */
      rkey: string;
      /** The CID of the version of the record. If not specified, then return the most recent version. */
      cid?: string;
    };
    input: undefined;
    output: {
      uri: string;
      cid?: string | undefined;
      value: JsonObject;
    };
    errors: "RecordNotFound";
  };
  "com.atproto.repo.listRecords": {
    params: {
      /** The handle or DID of the repo. */
      repo: string;
      /** The NSID of the record type. */
      collection: string;
      /** The number of records to return. */
      limit: number;
      cursor?: string;
      /** Flag to reverse the order of the returned records. */
      reverse?: boolean;
    };
    input: undefined;
    output: {
      cursor?: string | undefined;
      records: readonly Definitions["com.atproto.repo.listRecords#record"][];
    };
    errors: never;
  };
  "com.atproto.repo.putRecord": {
    params: Empty;
    input: {
      /** The handle or DID of the repo (aka, current account). */
      repo: string;
      /** The NSID of the record collection. */
      collection: string;
      /** The Record Key. */
      rkey: string;
      /** Can be set to 'false' to skip Lexicon schema validation of record data, 'true' to require it, or leave unset to validate only for known Lexicons. */
      validate?: boolean;
      /** The record to write. */
      record: JsonObject;
      /** Compare and swap with the previous record by CID. WARNING: nullable and optional field; may cause problems with golang implementation */
      swapRecord?: string | null;
      /** Compare and swap with the previous commit by CID. */
      swapCommit?: string;
    };
    output: {
      uri: string;
      cid: string;
      commit?: Definitions["com.atproto.repo.defs#commitMeta"] | undefined;
      validationStatus?: string | undefined;
    };
    errors: "InvalidSwap";
  };
  "com.atproto.repo.uploadBlob": {
    params: Empty;
    input: Bytes;
    output: {
      blob: BlobRef;
    };
    errors: never;
  };
  "com.atproto.server.describeServer": {
    params: Empty;
    input: undefined;
    output: {
      /** If true, an invite code must be supplied to create an account on this instance. */
      inviteCodeRequired?: boolean | undefined;
      /** If true, a phone verification token must be supplied to create an account on this instance. */
      phoneVerificationRequired?: boolean | undefined;
      /** Maximum size of a blob that can be uploaded via com.atproto.repo.uploadBlob, in bytes. */
      blobUploadLimit?: number | undefined;
      /** List of domain suffixes that can be used in account handles. */
      availableUserDomains: readonly string[];
      /** URLs of service policy documents. */
      links?:
        | Definitions["com.atproto.server.describeServer#links"]
        | undefined;
      /** Contact information */
      contact?:
        | Definitions["com.atproto.server.describeServer#contact"]
        | undefined;
      did: string;
    };
    errors: never;
  };
  "com.atproto.sync.getBlob": {
    params: {
      /** The DID of the account. */
      did: string;
      /** The CID of the blob to fetch */
      cid: string;
    };
    input: undefined;
    output: Bytes;
    errors:
      | "BlobNotFound"
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.getBlocks": {
    params: {
      /** The DID of the repo. */
      did: string;
      cids: readonly string[];
    };
    input: undefined;
    output: Bytes;
    errors:
      | "BlockNotFound"
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.getLatestCommit": {
    params: {
      /** The DID of the repo. */
      did: string;
    };
    input: undefined;
    output: {
      cid: string;
      rev: string;
    };
    errors:
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.getRecord": {
    params: {
      /** The DID of the repo. */
      did: string;
      collection: string;
      /** Record Key */
      rkey: string;
    };
    input: undefined;
    output: Bytes;
    errors:
      | "RecordNotFound"
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.getRepo": {
    params: {
      /** The DID of the repo. */
      did: string;
      /** The revision ('rev') of the repo to create a diff from. */
      since?: string;
    };
    input: undefined;
    output: Bytes;
    errors:
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.getRepoStatus": {
    params: {
      /** The DID of the repo. */
      did: string;
    };
    input: undefined;
    output: {
      did: string;
      active: boolean;
      /** If active=false, this optional field indicates a possible reason for why the account is not active. If active=false and no status is supplied, then the host makes no claim for why the repository is no longer being hosted. */
      status?: string | undefined;
      /** Optional field, the current rev of the repo, if active=true */
      rev?: string | undefined;
    };
    errors: "RepoNotFound";
  };
  "com.atproto.sync.listBlobs": {
    params: {
      /** The DID of the repo. */
      did: string;
      /** Optional revision of the repo to list blobs since. */
      since?: string;
      limit: number;
      cursor?: string;
    };
    input: undefined;
    output: {
      cursor?: string | undefined;
      cids: readonly string[];
    };
    errors:
      | "RepoNotFound"
      | "RepoTakendown"
      | "RepoSuspended"
      | "RepoDeactivated";
  };
  "com.atproto.sync.listRepos": {
    params: {
      limit: number;
      cursor?: string;
    };
    input: undefined;
    output: {
      cursor?: string | undefined;
      repos: readonly Definitions["com.atproto.sync.listRepos#repo"][];
    };
    errors: never;
  };
  "com.atproto.sync.subscribeRepos": {
    params: {
      /** The last known event seq number to backfill from. */
      cursor?: number;
    };
    input: undefined;
    output: Bytes;
    errors: "FutureCursor" | "ConsumerTooSlow";
  };
}

/** Other definitions by their reference. */
export interface Definitions {
  "app.bsky.actor.defs#knownFollowers": {
    count: number;
    followers: readonly Definitions["app.bsky.actor.defs#profileViewBasic"][];
  };
  "app.bsky.actor.defs#profileAssociated": {
    lists?: number | undefined;
    feedgens?: number | undefined;
    starterPacks?: number | undefined;
    labeler?: boolean | undefined;
    chat?: Definitions["app.bsky.actor.defs#profileAssociatedChat"] | undefined;
    activitySubscription?:
      | Definitions["app.bsky.actor.defs#profileAssociatedActivitySubscription"]
      | undefined;
    germ?: Definitions["app.bsky.actor.defs#profileAssociatedGerm"] | undefined;
  };
  "app.bsky.actor.defs#profileAssociatedActivitySubscription": {
    allowSubscriptions: string;
  };
  "app.bsky.actor.defs#profileAssociatedChat": {
    allowIncoming: string;
    allowGroupInvites?: string | undefined;
  };
  "app.bsky.actor.defs#profileAssociatedGerm": {
    messageMeUrl: string;
    showButtonTo: string;
  };
  "app.bsky.actor.defs#profileViewBasic": {
    did: string;
    handle: string;
    displayName?: string | undefined;
    pronouns?: string | undefined;
    avatar?: string | undefined;
    associated?:
      | Definitions["app.bsky.actor.defs#profileAssociated"]
      | undefined;
    viewer?: Definitions["app.bsky.actor.defs#viewerState"] | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    createdAt?: string | undefined;
    verification?:
      | Definitions["app.bsky.actor.defs#verificationState"]
      | undefined;
    status?: Definitions["app.bsky.actor.defs#statusView"] | undefined;
    /** Debug information for internal development */
    debug?: JsonObject | undefined;
  };
  "app.bsky.actor.defs#profileViewDetailed": {
    did: string;
    handle: string;
    displayName?: string | undefined;
    description?: string | undefined;
    pronouns?: string | undefined;
    website?: string | undefined;
    avatar?: string | undefined;
    banner?: string | undefined;
    followersCount?: number | undefined;
    followsCount?: number | undefined;
    postsCount?: number | undefined;
    associated?:
      | Definitions["app.bsky.actor.defs#profileAssociated"]
      | undefined;
    joinedViaStarterPack?:
      | Definitions["app.bsky.graph.defs#starterPackViewBasic"]
      | undefined;
    indexedAt?: string | undefined;
    createdAt?: string | undefined;
    viewer?: Definitions["app.bsky.actor.defs#viewerState"] | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    pinnedPost?: Definitions["com.atproto.repo.strongRef"] | undefined;
    verification?:
      | Definitions["app.bsky.actor.defs#verificationState"]
      | undefined;
    status?: Definitions["app.bsky.actor.defs#statusView"] | undefined;
    /** Debug information for internal development */
    debug?: JsonObject | undefined;
  };
  "app.bsky.actor.defs#statusView": {
    uri?: string | undefined;
    cid?: string | undefined;
    /** The status for the account. */
    status: string;
    record: JsonObject;
    /** An optional embed associated with the status. */
    embed?:
      | { $type: "app.bsky.embed.external#view" }
        & Definitions["app.bsky.embed.external#view"]
      | Other
      | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    /** The date when this status will expire. The application might choose to no longer return the status after expiration. */
    expiresAt?: string | undefined;
    /** True if the status is not expired, false if it is expired. Only present if expiration was set. */
    isActive?: boolean | undefined;
    /** True if the user's go-live access has been disabled by a moderator, false otherwise. */
    isDisabled?: boolean | undefined;
  };
  "app.bsky.actor.defs#verificationState": {
    /** All verifications issued by trusted verifiers on behalf of this user. Verifications by untrusted verifiers are not included. */
    verifications:
      readonly Definitions["app.bsky.actor.defs#verificationView"][];
    /** The user's status as a verified account. */
    verifiedStatus: string;
    /** The user's status as a trusted verifier. */
    trustedVerifierStatus: string;
  };
  "app.bsky.actor.defs#verificationView": {
    /** The user who issued this verification. */
    issuer: string;
    /** The display name of the issuer. */
    issuerDisplayName?: string | undefined;
    /** The handle of the issuer. */
    issuerHandle?: string | undefined;
    /** The AT-URI of the verification record. */
    uri: string;
    /** True if the verification passes validation, otherwise false. */
    isValid: boolean;
    /** Timestamp when the verification was created. */
    createdAt: string;
  };
  "app.bsky.actor.defs#viewerState": {
    /** Whether the account is fully muted, directly or via a mutelist. False when the mute is scoped to specific kinds; see mutedOnlyReposts and mutedOnlyQuoteposts. */
    muted?: boolean | undefined;
    /** Whether the account's reposts are muted. Scoped mutes are exclusive with muted: this can be true while muted is false. If muted is true, this will be false. */
    mutedOnlyReposts?: boolean | undefined;
    /** Whether the account's quote posts are muted. Scoped mutes are exclusive with muted: this can be true while muted is false. If muted is true, this will be false. */
    mutedOnlyQuoteposts?: boolean | undefined;
    mutedByList?: Definitions["app.bsky.graph.defs#listViewBasic"] | undefined;
    blockedBy?: boolean | undefined;
    blocking?: string | undefined;
    blockingByList?:
      | Definitions["app.bsky.graph.defs#listViewBasic"]
      | undefined;
    following?: string | undefined;
    followedBy?: string | undefined;
    /** This property is present only in selected cases, as an optimization. */
    knownFollowers?:
      | Definitions["app.bsky.actor.defs#knownFollowers"]
      | undefined;
    /** This property is present only in selected cases, as an optimization. */
    activitySubscription?:
      | Definitions["app.bsky.notification.defs#activitySubscription"]
      | undefined;
  };
  "app.bsky.embed.external#colorRGB": {
    r: number;
    g: number;
    b: number;
  };
  "app.bsky.embed.external#view": {
    external: Definitions["app.bsky.embed.external#viewExternal"];
  };
  "app.bsky.embed.external#viewExternal": {
    uri: string;
    title: string;
    description: string;
    thumb?: string | undefined;
    /** When the external content was created, if available. Example: a publication date, for an article. */
    createdAt?: string | undefined;
    /** When the external content was updated, if available. */
    updatedAt?: string | undefined;
    /** Estimated reading time in minutes, if applicable and available. */
    readingTime?: number | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    source?:
      | Definitions["app.bsky.embed.external#viewExternalSource"]
      | undefined;
    /** StrongRefs (uri+cid) of the Atmosphere records that backed this view. */
    associatedRefs?:
      | readonly Definitions["com.atproto.repo.strongRef"][]
      | undefined;
    /** Profiles of the owners of the Atmosphere records that backed this view. */
    associatedProfiles?:
      | readonly Definitions["app.bsky.actor.defs#profileViewBasic"][]
      | undefined;
  };
  "app.bsky.embed.external#viewExternalSource": {
    /** URI of the source, if available. Example: the https:// URL of a site.standard.publication record. */
    uri: string;
    /** Fully-qualified URL where an icon representing the source can be fetched. For example, CDN location provided by the App View. */
    icon?: string | undefined;
    title: string;
    description?: string | undefined;
    theme?:
      | Definitions["app.bsky.embed.external#viewExternalSourceTheme"]
      | undefined;
  };
  "app.bsky.embed.external#viewExternalSourceTheme": {
    backgroundRGB?: Definitions["app.bsky.embed.external#colorRGB"] | undefined;
    foregroundRGB?: Definitions["app.bsky.embed.external#colorRGB"] | undefined;
    accentRGB?: Definitions["app.bsky.embed.external#colorRGB"] | undefined;
    accentForegroundRGB?:
      | Definitions["app.bsky.embed.external#colorRGB"]
      | undefined;
  };
  "app.bsky.feed.defs#skeletonFeedPost": {
    post: string;
    reason?:
      | { $type: "app.bsky.feed.defs#skeletonReasonRepost" }
        & Definitions["app.bsky.feed.defs#skeletonReasonRepost"]
      | { $type: "app.bsky.feed.defs#skeletonReasonPin" }
        & Definitions["app.bsky.feed.defs#skeletonReasonPin"]
      | Other
      | undefined;
    /** Context that will be passed through to client and may be passed to feed generator back alongside interactions. */
    feedContext?: string | undefined;
  };
  "app.bsky.feed.defs#skeletonReasonPin": Empty;
  "app.bsky.feed.defs#skeletonReasonRepost": {
    repost: string;
  };
  "app.bsky.feed.describeFeedGenerator#feed": {
    uri: string;
  };
  "app.bsky.feed.describeFeedGenerator#links": {
    privacyPolicy?: string | undefined;
    termsOfService?: string | undefined;
  };
  "app.bsky.graph.defs#listPurpose": string;
  "app.bsky.graph.defs#listViewBasic": {
    uri: string;
    cid: string;
    name: string;
    purpose: Definitions["app.bsky.graph.defs#listPurpose"];
    avatar?: string | undefined;
    listItemCount?: number | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    viewer?: Definitions["app.bsky.graph.defs#listViewerState"] | undefined;
    indexedAt?: string | undefined;
  };
  "app.bsky.graph.defs#listViewerState": {
    muted?: boolean | undefined;
    blocked?: string | undefined;
    /** The authenticated viewer's app.bsky.graph.referencelistoptout record URI for this reference list. Only set for reference lists. A client can delete this record to undo the opt-out. */
    referenceListOptOut?: string | undefined;
  };
  "app.bsky.graph.defs#starterPackViewBasic": {
    uri: string;
    cid: string;
    record: JsonObject;
    creator: Definitions["app.bsky.actor.defs#profileViewBasic"];
    listItemCount?: number | undefined;
    joinedWeekCount?: number | undefined;
    joinedAllTimeCount?: number | undefined;
    labels?: readonly Definitions["com.atproto.label.defs#label"][] | undefined;
    indexedAt: string;
  };
  "app.bsky.notification.defs#activitySubscription": {
    post: boolean;
    reply: boolean;
  };
  "com.atproto.label.defs#label": {
    /** The AT Protocol version of the label object. */
    ver?: number | undefined;
    /** DID of the actor who created this label. */
    src: string;
    /** AT URI of the record, repository (account), or other resource that this label applies to. */
    uri: string;
    /** Optionally, CID specifying the specific version of 'uri' resource this label applies to. */
    cid?: string | undefined;
    /** The short string name of the value or type of this label. */
    val: string;
    /** If true, this is a negation label, overwriting a previous label. */
    neg?: boolean | undefined;
    /** Timestamp when this label was created. */
    cts: string;
    /** Timestamp at which this label expires (no longer applies). */
    exp?: string | undefined;
    /** Signature of dag-cbor encoded label. */
    sig?: { $bytes: string } | undefined;
  };
  "com.atproto.repo.applyWrites#create": {
    collection: string;
    /** NOTE: maxLength is redundant with record-key format. Keeping it temporarily to ensure backwards compatibility. */
    rkey?: string;
    value: JsonObject;
  };
  "com.atproto.repo.applyWrites#createResult": {
    uri: string;
    cid: string;
    validationStatus?: string | undefined;
  };
  "com.atproto.repo.applyWrites#delete": {
    collection: string;
    rkey: string;
  };
  "com.atproto.repo.applyWrites#deleteResult": Empty;
  "com.atproto.repo.applyWrites#update": {
    collection: string;
    rkey: string;
    value: JsonObject;
  };
  "com.atproto.repo.applyWrites#updateResult": {
    uri: string;
    cid: string;
    validationStatus?: string | undefined;
  };
  "com.atproto.repo.defs#commitMeta": {
    cid: string;
    rev: string;
  };
  "com.atproto.repo.listRecords#record": {
    uri: string;
    cid: string;
    value: JsonObject;
  };
  "com.atproto.repo.strongRef": {
    uri: string;
    cid: string;
  };
  "com.atproto.server.describeServer#contact": {
    email?: string | undefined;
  };
  "com.atproto.server.describeServer#links": {
    privacyPolicy?: string | undefined;
    termsOfService?: string | undefined;
  };
  "com.atproto.sync.listRepos#repo": {
    did: string;
    /** Current repo commit CID */
    head: string;
    rev: string;
    active?: boolean | undefined;
    /** If active=false, this optional field indicates a possible reason for why the account is not active. If active=false and no status is supplied, then the host makes no claim for why the repository is no longer being hosted. */
    status?: string | undefined;
  };
  "io.atcr.hold.completeUpload#part": {
    partNumber: number;
    etag: string;
  };
  "io.atcr.hold.exportUserData#crewExport": {
    role: string;
    permissions: readonly string[];
    tier?: string | undefined;
    addedAt: string;
  };
  "io.atcr.hold.exportUserData#layerExport": {
    digest: string;
    size: number;
    mediaType: string;
    manifest: string;
    createdAt: string;
  };
  "io.atcr.hold.exportUserData#postExport": {
    uri: string;
    text: string;
    createdAt: string;
  };
  "io.atcr.hold.exportUserData#statsExport": {
    repository: string;
    pullCount: number;
    pushCount: number;
    lastPull?: string | undefined;
    lastPush?: string | undefined;
    updatedAt: string;
  };
  "io.atcr.hold.notifyManifest#blob": {
    digest?: string;
    size?: number;
  };
  "io.atcr.hold.notifyManifest#child": {
    digest?: string;
    size?: number;
    mediaType?: string;
    platform?: Definitions["io.atcr.hold.notifyManifest#platform"];
  };
  "io.atcr.hold.notifyManifest#layer": {
    digest?: string;
    size?: number;
    mediaType?: string;
  };
  "io.atcr.hold.notifyManifest#manifest": {
    mediaType?: string;
    config?: Definitions["io.atcr.hold.notifyManifest#blob"];
    layers?: readonly Definitions["io.atcr.hold.notifyManifest#layer"][];
    manifests?: readonly Definitions["io.atcr.hold.notifyManifest#child"][];
  };
  "io.atcr.hold.notifyManifest#platform": {
    os?: string;
    architecture?: string;
  };
  "io.atcr.manifest#blobReference": {
    mediaType: string;
    /** Bytes. */
    size: number;
    digest: string;
    /** Other places of the content. */
    urls?: readonly string[];
    annotations?: JsonObject;
  };
  "io.atcr.manifest#manifestReference": {
    mediaType: string;
    /** Bytes. */
    size: number;
    digest: string;
    platform?: Definitions["io.atcr.manifest#platform"];
    annotations?: JsonObject;
  };
  "io.atcr.manifest#platform": {
    architecture: string;
    os: string;
    variant?: string;
    /** os.version of the image specification. */
    osVersion?: string;
    /** os.features of the image specification. */
    osFeatures?: readonly string[];
  };
}

/** The documents of this project, as they are. */
export const LEXICON_DOCUMENTS: readonly unknown[] = [
  d0,
  d1,
  d2,
  d3,
  d4,
  d5,
  d6,
  d7,
  d8,
  d9,
  d10,
  d11,
  d12,
  d13,
  d14,
  d15,
  d16,
  d17,
  d18,
  d19,
  d20,
  d21,
  d22,
  d23,
  d24,
  d25,
  d26,
  d27,
];

/**
 * Of documents of the network, parameters and input of the methods that
 * this program serves.
 */
export const NETWORK_DOCUMENTS: readonly LexiconDoc[] = [{
  "lexicon": 1,
  "id": "app.bsky.actor.getProfile",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["actor"],
        "properties": {
          "actor": {
            "type": "string",
            "format": "at-identifier",
            "description": "Handle or DID of account to fetch profile of.",
          },
        },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "app.bsky.actor.getProfiles",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["actors"],
        "properties": {
          "actors": {
            "type": "array",
            "items": { "type": "string", "format": "at-identifier" },
            "maxLength": 25,
          },
        },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "app.bsky.feed.describeFeedGenerator",
  "defs": { "main": { "type": "query" } },
}, {
  "lexicon": 1,
  "id": "app.bsky.feed.getFeedSkeleton",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["feed"],
        "properties": {
          "feed": {
            "type": "string",
            "format": "at-uri",
            "description":
              "Reference to feed generator record describing the specific feed being requested.",
          },
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 50,
          },
          "cursor": { "type": "string" },
        },
      },
      "errors": [{ "name": "UnknownFeed" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.identity.resolveHandle",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["handle"],
        "properties": {
          "handle": {
            "type": "string",
            "format": "handle",
            "description": "The handle to resolve.",
          },
        },
      },
      "errors": [{
        "name": "HandleNotFound",
        "description":
          "The resolution process confirmed that the handle does not resolve to any DID.",
      }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.applyWrites",
  "defs": {
    "main": {
      "type": "procedure",
      "input": {
        "encoding": "application/json",
        "schema": {
          "type": "object",
          "required": ["repo", "writes"],
          "properties": {
            "repo": {
              "type": "string",
              "format": "at-identifier",
              "description":
                "The handle or DID of the repo (aka, current account).",
            },
            "validate": {
              "type": "boolean",
              "description":
                "Can be set to 'false' to skip Lexicon schema validation of record data across all operations, 'true' to require it, or leave unset to validate only for known Lexicons.",
            },
            "writes": {
              "type": "array",
              "items": {
                "type": "union",
                "refs": ["#create", "#update", "#delete"],
                "closed": true,
              },
            },
            "swapCommit": {
              "type": "string",
              "description":
                "If provided, the entire operation will fail if the current repo commit CID does not match this value. Used to prevent conflicting repo mutations.",
              "format": "cid",
            },
          },
        },
      },
      "errors": [{
        "name": "InvalidSwap",
        "description":
          "Indicates that the 'swapCommit' parameter did not match current commit.",
      }],
    },
    "create": {
      "type": "object",
      "description": "Operation which creates a new record.",
      "required": ["collection", "value"],
      "properties": {
        "collection": { "type": "string", "format": "nsid" },
        "rkey": {
          "type": "string",
          "maxLength": 512,
          "format": "record-key",
          "description":
            "NOTE: maxLength is redundant with record-key format. Keeping it temporarily to ensure backwards compatibility.",
        },
        "value": { "type": "unknown" },
      },
    },
    "update": {
      "type": "object",
      "description": "Operation which updates an existing record.",
      "required": ["collection", "rkey", "value"],
      "properties": {
        "collection": { "type": "string", "format": "nsid" },
        "rkey": { "type": "string", "format": "record-key" },
        "value": { "type": "unknown" },
      },
    },
    "delete": {
      "type": "object",
      "description": "Operation which deletes an existing record.",
      "required": ["collection", "rkey"],
      "properties": {
        "collection": { "type": "string", "format": "nsid" },
        "rkey": { "type": "string", "format": "record-key" },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.createRecord",
  "defs": {
    "main": {
      "type": "procedure",
      "input": {
        "encoding": "application/json",
        "schema": {
          "type": "object",
          "required": ["repo", "collection", "record"],
          "properties": {
            "repo": {
              "type": "string",
              "format": "at-identifier",
              "description":
                "The handle or DID of the repo (aka, current account).",
            },
            "collection": {
              "type": "string",
              "format": "nsid",
              "description": "The NSID of the record collection.",
            },
            "rkey": {
              "type": "string",
              "format": "record-key",
              "description": "The Record Key.",
              "maxLength": 512,
            },
            "validate": {
              "type": "boolean",
              "description":
                "Can be set to 'false' to skip Lexicon schema validation of record data, 'true' to require it, or leave unset to validate only for known Lexicons.",
            },
            "record": {
              "type": "unknown",
              "description": "The record itself. Must contain a $type field.",
            },
            "swapCommit": {
              "type": "string",
              "format": "cid",
              "description":
                "Compare and swap with the previous commit by CID.",
            },
          },
        },
      },
      "errors": [{
        "name": "InvalidSwap",
        "description":
          "Indicates that 'swapCommit' didn't match current repo commit.",
      }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.deleteRecord",
  "defs": {
    "main": {
      "type": "procedure",
      "input": {
        "encoding": "application/json",
        "schema": {
          "type": "object",
          "required": ["repo", "collection", "rkey"],
          "properties": {
            "repo": {
              "type": "string",
              "format": "at-identifier",
              "description":
                "The handle or DID of the repo (aka, current account).",
            },
            "collection": {
              "type": "string",
              "format": "nsid",
              "description": "The NSID of the record collection.",
            },
            "rkey": {
              "type": "string",
              "format": "record-key",
              "description": "The Record Key.",
            },
            "swapRecord": {
              "type": "string",
              "format": "cid",
              "description":
                "Compare and swap with the previous record by CID.",
            },
            "swapCommit": {
              "type": "string",
              "format": "cid",
              "description":
                "Compare and swap with the previous commit by CID.",
            },
          },
        },
      },
      "errors": [{ "name": "InvalidSwap" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.describeRepo",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["repo"],
        "properties": {
          "repo": {
            "type": "string",
            "format": "at-identifier",
            "description": "The handle or DID of the repo.",
          },
        },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.getRecord",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["repo", "collection", "rkey"],
        "properties": {
          "repo": {
            "type": "string",
            "format": "at-identifier",
            "description": "The handle or DID of the repo.",
          },
          "collection": {
            "type": "string",
            "format": "nsid",
            "description": "The NSID of the record collection.",
          },
          "rkey": {
            "type": "string",
            "description": "The Record Key.",
            "format": "record-key",
          },
          "cid": {
            "type": "string",
            "format": "cid",
            "description":
              "The CID of the version of the record. If not specified, then return the most recent version.",
          },
        },
      },
      "errors": [{ "name": "RecordNotFound" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.listRecords",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["repo", "collection"],
        "properties": {
          "repo": {
            "type": "string",
            "format": "at-identifier",
            "description": "The handle or DID of the repo.",
          },
          "collection": {
            "type": "string",
            "format": "nsid",
            "description": "The NSID of the record type.",
          },
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 50,
            "description": "The number of records to return.",
          },
          "cursor": { "type": "string" },
          "reverse": {
            "type": "boolean",
            "description": "Flag to reverse the order of the returned records.",
          },
        },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.putRecord",
  "defs": {
    "main": {
      "type": "procedure",
      "input": {
        "encoding": "application/json",
        "schema": {
          "type": "object",
          "required": ["repo", "collection", "rkey", "record"],
          "nullable": ["swapRecord"],
          "properties": {
            "repo": {
              "type": "string",
              "format": "at-identifier",
              "description":
                "The handle or DID of the repo (aka, current account).",
            },
            "collection": {
              "type": "string",
              "format": "nsid",
              "description": "The NSID of the record collection.",
            },
            "rkey": {
              "type": "string",
              "format": "record-key",
              "description": "The Record Key.",
              "maxLength": 512,
            },
            "validate": {
              "type": "boolean",
              "description":
                "Can be set to 'false' to skip Lexicon schema validation of record data, 'true' to require it, or leave unset to validate only for known Lexicons.",
            },
            "record": {
              "type": "unknown",
              "description": "The record to write.",
            },
            "swapRecord": {
              "type": "string",
              "format": "cid",
              "description":
                "Compare and swap with the previous record by CID. WARNING: nullable and optional field; may cause problems with golang implementation",
            },
            "swapCommit": {
              "type": "string",
              "format": "cid",
              "description":
                "Compare and swap with the previous commit by CID.",
            },
          },
        },
      },
      "errors": [{ "name": "InvalidSwap" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.repo.uploadBlob",
  "defs": { "main": { "type": "procedure", "input": { "encoding": "*/*" } } },
}, {
  "lexicon": 1,
  "id": "com.atproto.server.describeServer",
  "defs": { "main": { "type": "query" } },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getBlob",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did", "cid"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the account.",
          },
          "cid": {
            "type": "string",
            "format": "cid",
            "description": "The CID of the blob to fetch",
          },
        },
      },
      "errors": [
        { "name": "BlobNotFound" },
        { "name": "RepoNotFound" },
        { "name": "RepoTakendown" },
        { "name": "RepoSuspended" },
        { "name": "RepoDeactivated" },
      ],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getBlocks",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did", "cids"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
          "cids": {
            "type": "array",
            "items": { "type": "string", "format": "cid" },
          },
        },
      },
      "errors": [
        { "name": "BlockNotFound" },
        { "name": "RepoNotFound" },
        { "name": "RepoTakendown" },
        { "name": "RepoSuspended" },
        { "name": "RepoDeactivated" },
      ],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getLatestCommit",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
        },
      },
      "errors": [{ "name": "RepoNotFound" }, { "name": "RepoTakendown" }, {
        "name": "RepoSuspended",
      }, { "name": "RepoDeactivated" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getRecord",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did", "collection", "rkey"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
          "collection": { "type": "string", "format": "nsid" },
          "rkey": {
            "type": "string",
            "description": "Record Key",
            "format": "record-key",
          },
        },
      },
      "errors": [
        { "name": "RecordNotFound" },
        { "name": "RepoNotFound" },
        { "name": "RepoTakendown" },
        { "name": "RepoSuspended" },
        { "name": "RepoDeactivated" },
      ],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getRepo",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
          "since": {
            "type": "string",
            "format": "tid",
            "description":
              "The revision ('rev') of the repo to create a diff from.",
          },
        },
      },
      "errors": [{ "name": "RepoNotFound" }, { "name": "RepoTakendown" }, {
        "name": "RepoSuspended",
      }, { "name": "RepoDeactivated" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.getRepoStatus",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
        },
      },
      "errors": [{ "name": "RepoNotFound" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.listBlobs",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "required": ["did"],
        "properties": {
          "did": {
            "type": "string",
            "format": "did",
            "description": "The DID of the repo.",
          },
          "since": {
            "type": "string",
            "format": "tid",
            "description": "Optional revision of the repo to list blobs since.",
          },
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 500,
          },
          "cursor": { "type": "string" },
        },
      },
      "errors": [{ "name": "RepoNotFound" }, { "name": "RepoTakendown" }, {
        "name": "RepoSuspended",
      }, { "name": "RepoDeactivated" }],
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.listRepos",
  "defs": {
    "main": {
      "type": "query",
      "parameters": {
        "type": "params",
        "properties": {
          "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 500,
          },
          "cursor": { "type": "string" },
        },
      },
    },
  },
}, {
  "lexicon": 1,
  "id": "com.atproto.sync.subscribeRepos",
  "defs": {
    "main": {
      "type": "subscription",
      "parameters": {
        "type": "params",
        "properties": {
          "cursor": {
            "type": "integer",
            "description": "The last known event seq number to backfill from.",
          },
        },
      },
      "message": { "schema": { "type": "union", "refs": [] } },
      "errors": [{ "name": "FutureCursor" }, {
        "name": "ConsumerTooSlow",
        "description":
          "If the consumer of the stream can not keep up with events, and a backlog gets too large, the server will drop the connection.",
      }],
    },
  },
}];
