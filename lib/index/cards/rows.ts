/**
 * The rows behind {@linkcode cardKeys}.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ArtifactKind } from "./artifact_kind.ts";

/** A manifest that an index names. */
export interface ChildRow {
  readonly digest: Digest;
  /** `os/architecture` with the variant where there is one; absent for attestations and the like. */
  readonly platform?: string;
}

/** What people read of an image, out of its annotations; each is one short line. */
export interface NotesRow {
  readonly title?: string;
  readonly description?: string;
  readonly licenses?: string;
  /** An https URL. */
  readonly source?: string;
  readonly version?: string;
}

/** What follows from the bytes of a manifest alone. */
export interface ContentRow {
  readonly mediaType: string;
  readonly kind: ArtifactKind;
  /** Bytes of config and layers as they are stored; absent for an index. */
  readonly size?: number;
  /** The first of an index, in order. */
  readonly children?: readonly ChildRow[];
  /** The largest layers, for comparisons. */
  readonly layers?: readonly Digest[];
  readonly subject?: Digest;
  readonly notes?: NotesRow;
}

/** Facts of a manifest. */
export interface FactsRow extends ContentRow {
  /** The repository that the record names: the last one that it was pushed to. */
  readonly repo: string;
  /** The hold that has the blobs. */
  readonly holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Set when the content was read from the bytes; a record says less. */
  readonly exact?: true;
  /** Key of the record, where that is not the digest's. */
  readonly rkey?: string;
  /** Revision of the owner's repo that the facts are of, where it is known. */
  readonly rev?: string;
}

/** One record that says where a tag points. */
export interface TagClaim {
  readonly rkey: string;
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Revision of the owner's repo, where it is known. */
  readonly rev?: string;
}

/** The records that claim one tag; the first counts. Nearly always there is one. */
export type TagRow = readonly [TagClaim, ...TagClaim[]];

/** What is shown of the image behind the newest tag of a repository. */
export interface ImageRow {
  readonly kind: ArtifactKind;
  readonly mediaType: string;
  readonly holdDid: Did;
  /** Bytes as stored; absent for an index. */
  readonly size?: number;
  readonly platforms?: readonly string[];
  readonly notes?: NotesRow;
}

/** What the owner wrote about a repository. */
export interface PageRow {
  /** The first sentence of the page, on one line. */
  readonly line?: string;
  /** CID of the picture, a blob in the owner's PDS. */
  readonly avatarCid?: string;
}

/** A repository. It is shown while it has a tag whose image is known, and its owner's account is active. */
export interface CardRow {
  readonly tags: number;
  readonly newest?: {
    readonly tag: string;
    readonly digest: Digest;
    /** When the tag moved, in milliseconds since the Unix epoch. */
    readonly at: number;
  };
  readonly image?: ImageRow;
  readonly page?: PageRow;
  readonly stars: number;
  /** Pulls of the last 30 days. */
  readonly pulls: number;
  /** Set while the network does not show the owner's account. */
  readonly hidden?: true;
}

/** A place in an order: the card, so that lists are one range. Rows of earlier versions have the kind alone. */
export type OrderRow = CardRow | ArtifactKind | undefined;

/** One move of a tag. */
export interface MoveRow {
  /** Absent when the tag was new. */
  readonly from?: Digest;
  /** Absent when the tag was removed. */
  readonly to?: Digest;
  /** Whether it was made or found out by this registry, or heard on the network. */
  readonly by: "registry" | "network";
  /** Revision of the owner's repo, where it is known. */
  readonly rev?: string;
}
