/**
 * The records of `lexicons/` as TypeScript types. What a field means stands in
 * the lexicon.
 *
 * @module
 */

import type { BlobRef } from "../pds/pds.ts";

/** An RFC 3339 time, as atproto writes it. */
type Datetime = string;

/** A content descriptor in `io.atcr.manifest`. */
export interface BlobReference {
  mediaType: string;
  size: number;
  digest: string;
  urls?: string[];
  annotations?: Record<string, unknown>;
}

/** A descriptor of a child manifest in `io.atcr.manifest`. */
export interface ManifestReference {
  mediaType: string;
  size: number;
  digest: string;
  platform?: {
    architecture: string;
    os: string;
    variant?: string;
    osVersion?: string;
    osFeatures?: string[];
  };
  annotations?: Record<string, unknown>;
}

/** Record types by NSID. */
export interface RecordTypes {
  "io.atcr.manifest": {
    $type: "io.atcr.manifest";
    repository: string;
    digest: string;
    mediaType: string;
    schemaVersion: number;
    holdDid?: string;
    holdEndpoint?: string;
    config?: BlobReference;
    layers?: BlobReference[];
    manifests?: ManifestReference[];
    subject?: BlobReference;
    annotations?: Record<string, unknown>;
    manifestBlob?: BlobRef;
    createdAt: Datetime;
  };
  "io.atcr.tag": {
    $type: "io.atcr.tag";
    repository: string;
    tag: string;
    manifest?: string;
    manifestDigest?: string;
    mediaType?: string;
    updatedAt?: Datetime;
  };
  "io.atcr.repo.page": {
    $type: "io.atcr.repo.page";
    repository: string;
    description?: string;
    avatar?: BlobRef;
    userEdited?: boolean;
    createdAt: Datetime;
    updatedAt: Datetime;
  };
  "io.atcr.sailor.profile": {
    $type: "io.atcr.sailor.profile";
    defaultHold?: string | null;
    autoRemoveUntagged?: boolean;
    ociClient?: string;
    registryDomain?: string;
    createdAt: Datetime;
    updatedAt?: Datetime;
  };
  "io.atcr.sailor.star": {
    $type: "io.atcr.sailor.star";
    subject: string;
    createdAt: Datetime;
  };
  "io.atcr.hold.captain": {
    $type: "io.atcr.hold.captain";
    owner: string;
    public: boolean;
    allowAllCrew: boolean;
    enableBlueskyPosts: boolean;
    deployedAt: Datetime;
    region?: string;
    provider?: string;
    successor?: string;
  };
  "io.atcr.hold.crew": {
    $type: "io.atcr.hold.crew";
    member: string;
    role: string;
    permissions: string[];
    tier?: string;
    addedAt: Datetime;
  };
  "io.atcr.hold.layer": {
    $type: "io.atcr.hold.layer";
    digest: string;
    size: number;
    mediaType: string;
    manifest: string;
    userDid: string;
    createdAt: Datetime;
  };
  "io.atcr.hold.stats": {
    $type: "io.atcr.hold.stats";
    ownerDid: string;
    repository: string;
    pullCount: number;
    pushCount: number;
    lastPull?: Datetime;
    lastPush?: Datetime;
    updatedAt: Datetime;
  };
  "io.atcr.hold.scan": {
    $type: "io.atcr.hold.scan";
    manifest: string;
    repository: string;
    userDid: string;
    critical: number;
    high: number;
    medium: number;
    low: number;
    total: number;
    scannerVersion: string;
    scannedAt: Datetime;
    sbomBlob?: BlobRef;
    vulnReportBlob?: BlobRef;
    status?: string;
    reason?: string;
  };
}
