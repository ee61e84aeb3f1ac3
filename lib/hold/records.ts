/**
 * The hold's own records as the hold uses them: the part of the repo it needs,
 * and the shapes it reads back. Records may have been written by other tools,
 * so they are checked again on every read.
 *
 * @module
 */

import { isValidDid } from "@atproto/syntax";
import { z } from "zod";
import type { Did } from "../atproto/identity.ts";
import type { RepoWrite } from "../atproto/pds.ts";

/** Collections of the hold's repo. */
export const COLLECTIONS = {
  captain: "io.atcr.hold.captain",
  crew: "io.atcr.hold.crew",
  layer: "io.atcr.hold.layer",
  stats: "io.atcr.hold.stats",
  post: "app.bsky.feed.post",
  profile: "app.bsky.actor.profile",
} as const;

/** Record key of the captain and of the profile. */
export const SELF = "self";

/** One record with its key. */
export interface HoldRecord {
  readonly rkey: string;
  readonly cid: string;
  readonly value: Record<string, unknown>;
}

/** What a commit of the repo tells. */
export interface HoldCommit {
  readonly rev: string;
}

/** The part of the hold's repo that the services of the hold use. */
export interface HoldRecords {
  /** The hold's own DID. */
  readonly did: Did;
  getRecord(
    collection: string,
    rkey: string,
  ): Promise<{ cid: string; value: Record<string, unknown> } | undefined>;
  /** One page in key order; `cursor` is the one of the page before. */
  listRecords(
    collection: string,
    options: { cursor?: string; limit: number; reverse?: boolean },
  ): Promise<{ records: readonly HoldRecord[]; cursor: string | undefined }>;
  /**
   * All `writes` in one commit. A second call with the same `idempotencyKey`
   * changes nothing.
   */
  apply(
    writes: readonly RepoWrite[],
    options?: { idempotencyKey?: string },
  ): Promise<HoldCommit>;
}

/** A DID in a record. */
export const didSchema = z.custom<Did>(
  (value) => typeof value === "string" && isValidDid(value),
  "must be a DID",
);

/** `io.atcr.hold.captain`: who owns the hold and what it allows. */
export const captainSchema = z.object({
  owner: didSchema,
  public: z.boolean(),
  allowAllCrew: z.boolean(),
  enableBlueskyPosts: z.boolean(),
  deployedAt: z.string(),
  region: z.string().optional(),
  successor: didSchema.optional(),
});

/** A captain record that was checked. */
export type Captain = z.infer<typeof captainSchema>;

/** `io.atcr.hold.crew`: one member and what they may do. */
export const crewSchema = z.object({
  member: didSchema,
  role: z.string(),
  permissions: z.array(z.string()),
  addedAt: z.string(),
  tier: z.string().optional(),
});

/** A crew record that was checked. */
export type CrewMember = z.infer<typeof crewSchema>;

/** Most pages of 100 that one listing reads; a hold beyond that needs an index of its own. */
const MAX_PAGES = 10_000;

/** Every record of a collection in key order, page by page. */
export async function* allRecords(
  records: HoldRecords,
  collection: string,
): AsyncIterableIterator<HoldRecord> {
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const found = await records.listRecords(collection, {
      limit: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* found.records;
    cursor = found.cursor;
    if (cursor === undefined || found.records.length === 0) return;
  }
}

/**
 * Record key of a crew member: the DID, with `%` (which a record key may not
 * hold) as `~` (which a DID may not hold).
 */
export function crewRkey(member: Did): string {
  return member.replaceAll("%", "~");
}
