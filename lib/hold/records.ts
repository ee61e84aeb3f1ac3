/**
 * The hold's own records: the part of the repo interface it needs, and the
 * schemas of its records. Records may have been written by other tools, so they
 * are validated on every read.
 *
 * @module
 */

import { z } from "zod";
import type { RecordShape } from "../atproto/lexicon/lexicon.ts";
import { HOLD_COLLECTIONS } from "../atproto/records/collections.ts";
import { type Did, didSchema } from "../did.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { JoinedRow } from "../kv/joined_rows.ts";

/** Collections of the hold's repo. */
export const COLLECTIONS = {
  ...HOLD_COLLECTIONS,
  post: "app.bsky.feed.post",
  profile: "app.bsky.actor.profile",
  feed: "app.bsky.feed.generator",
} as const;

/** Record key of the captain and of the profile. */
export const SELF = "self";

/** One record with its key. */
export interface HoldRecord {
  readonly uri: string;
  readonly rkey: string;
  readonly cid: string;
  readonly value: Record<string, unknown>;
}

/** One change of the repo; `put` creates or updates, `create` without a key gets a TID. */
export type HoldWrite =
  | {
    action: "create";
    collection: string;
    rkey?: string;
    value: Record<string, unknown>;
  }
  | {
    action: "put";
    collection: string;
    rkey: string;
    value: Record<string, unknown>;
    /** Expected current CID, null when the record must not exist; AppError `CONFLICT` otherwise. */
    swapRecord?: string | null;
  }
  | { action: "delete"; collection: string; rkey: string };

/** Results of the writes of a commit, in order. */
export interface HoldCommit {
  readonly results: readonly {
    /** `none` when the write changed nothing. */
    readonly action: "create" | "update" | "delete" | "none";
    readonly uri: string;
    readonly cid?: string;
  }[];
}

/** Options of {@linkcode HoldRecords.apply}. */
export interface ApplyOptions {
  idempotencyKey?: string;
  also?: (commit: HoldCommit) => readonly JoinedRow[];
}

/** The part of the hold's repo that the services of the hold use. */
export interface HoldRecords {
  /** The hold's own DID. */
  readonly did: Did;
  /** The record, or undefined when there is none. */
  getRecord(
    collection: string,
    rkey: string,
  ): Promise<HoldRecord | undefined>;
  /** All records of a collection, lowest key first. */
  allRecords(collection: string): AsyncIterableIterator<HoldRecord>;
  /**
   * All `writes` in one commit, or none; at most {@linkcode MAX_WRITES}. Writes
   * that change nothing are skipped. A repeat with the same `idempotencyKey`
   * within a day changes nothing and returns the first result. The rows of
   * `also` are stored with the commit, not with a repeat.
   */
  apply(
    writes: readonly HoldWrite[],
    options?: ApplyOptions,
  ): Promise<HoldCommit>;
}

/** `io.atcr.hold.captain`: the owner and access settings of the hold. */
export const captainSchema = z.object(
  {
    owner: didSchema,
    public: z.boolean(),
    allowAllCrew: z.boolean(),
    enableBlueskyPosts: z.boolean(),
    deployedAt: z.string(),
    region: z.string().optional(),
    successor: didSchema.optional(),
  } satisfies RecordShape<"io.atcr.hold.captain">,
);

/** A validated captain record. */
export type Captain = z.infer<typeof captainSchema>;

/** `io.atcr.hold.crew`: one member with permissions. */
export const crewSchema = z.object(
  {
    member: didSchema,
    role: z.string(),
    permissions: z.array(z.string()),
    addedAt: z.string(),
    tier: z.string().optional(),
  } satisfies RecordShape<"io.atcr.hold.crew">,
);

/** A validated crew record. */
export type CrewMember = z.infer<typeof crewSchema>;

/** A digest in a record. */
const digestSchema = z.custom<Digest>(
  (value) => typeof value === "string" && isDigest(value),
  "must be a digest",
);

/** `io.atcr.hold.layer`: a blob that a manifest needs, and the account it counts for. */
export const layerSchema = z.object(
  {
    digest: digestSchema,
    size: z.int().min(0),
    mediaType: z.string(),
    manifest: z.string(),
    userDid: didSchema,
    createdAt: z.string(),
  } satisfies RecordShape<"io.atcr.hold.layer">,
);

/** A validated layer record. */
export type Layer = z.infer<typeof layerSchema>;

/** `io.atcr.hold.stats`: push and pull counts of a repository. */
export const statsSchema = z.object(
  {
    ownerDid: didSchema,
    repository: z.string(),
    pullCount: z.int().min(0),
    pushCount: z.int().min(0),
    lastPull: z.string().optional(),
    lastPush: z.string().optional(),
    updatedAt: z.string(),
  } satisfies RecordShape<"io.atcr.hold.stats">,
);

/** A validated stats record. */
export type Stats = z.infer<typeof statsSchema>;

/** Key at the end of an AT-URI. */
export function rkeyOf(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}

/**
 * Record key of a crew member: the DID, with `%` (not allowed in record keys)
 * as `~` (not allowed in DIDs).
 */
export function crewRkey(member: Did): string {
  return member.replaceAll("%", "~");
}
