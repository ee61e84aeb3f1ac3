/**
 * What captain and crew records say, as rows: of the hold, and of the accounts
 * that they are about.
 *
 * @module
 */

import { z } from "zod";
import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import { type Did, didSchema } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import type { Seen } from "../seen.ts";
import { holdKeys } from "./kv_keys.ts";

/** What a captain record says of its hold. */
export interface HoldFacts {
  readonly owner: Did;
  /** Whether everybody may read. */
  readonly public: boolean;
  /** Whether everybody who is signed in may join. */
  readonly allowAllCrew: boolean;
  readonly region?: string;
  /** The hold that its users are to go to. */
  readonly successor?: Did;
}

/** What a crew record says of its member. */
export interface CrewFacts {
  readonly member: Did;
  readonly role: string;
  readonly permissions: readonly string[];
  readonly tier?: string;
  /** As the record says, RFC 3339. */
  readonly addedAt?: string;
}

/** A captain record as it is stored. */
export type HoldRow = HoldFacts & Seen;

/** A crew record as it is stored. */
export type CrewRow = CrewFacts & Seen;

/** A row to be set; or deleted, where `row` is undefined. */
export interface RowChange {
  readonly key: Key;
  readonly row: unknown;
}

/** Longer texts are left out: other tools may write anything. */
const shortText = z.string().max(64).optional().catch(undefined);

const MAX_PERMISSIONS = 16;

const captainSchema = z.object({
  owner: didSchema,
  public: z.boolean(),
  allowAllCrew: z.boolean().default(false),
  region: shortText,
  successor: didSchema.optional().catch(undefined),
});

const crewSchema = z.object({
  member: didSchema,
  role: z.string().max(64).default(""),
  permissions: z.array(z.string().max(64)).default([])
    .transform((all) => all.slice(0, MAX_PERMISSIONS)),
  tier: shortText,
  addedAt: shortText,
});

/** The facts of a captain record; undefined when it is none. */
export function holdFacts(record: unknown): HoldFacts | undefined {
  const { data } = captainSchema.safeParse(record);
  if (!data) return undefined;
  const { owner, allowAllCrew, region, successor } = data;
  return {
    owner,
    public: data.public,
    allowAllCrew,
    ...(region === undefined ? {} : { region }),
    ...(successor === undefined ? {} : { successor }),
  };
}

/** The facts of a crew record; undefined when it is none. */
export function crewFacts(record: unknown): CrewFacts | undefined {
  const { data } = crewSchema.safeParse(record);
  if (!data) return undefined;
  const { member, role, permissions, tier, addedAt } = data;
  return {
    member,
    role,
    permissions,
    ...(tier === undefined ? {} : { tier }),
    ...(addedAt === undefined ? {} : { addedAt }),
  };
}

/** The change of rows when the captain record of `hold` becomes another one. */
export function captainChange(
  hold: Did,
  before: Pick<HoldFacts, "owner"> | undefined,
  after: HoldRow | undefined,
): RowChange[] {
  const left = before && before.owner !== after?.owner
    ? [{ key: holdKeys.ownHold(before.owner, hold), row: undefined }]
    : [];
  const held = after
    ? [{ key: holdKeys.ownHold(after.owner, hold), row: true }]
    : [];
  return [{ key: holdKeys.hold(hold), row: after }, ...left, ...held];
}

/** The change of rows when a crew record of `hold` becomes another one. */
export function crewChange(
  hold: Did,
  rkey: string,
  before: Pick<CrewFacts, "member"> | undefined,
  after: CrewRow | undefined,
): RowChange[] {
  const left = before && before.member !== after?.member
    ? [{ key: holdKeys.membership(before.member, hold, rkey), row: undefined }]
    : [];
  const joined = after
    ? [{ key: holdKeys.membership(after.member, hold, rkey), row: after }]
    : [];
  return [{ key: holdKeys.crew(hold, rkey), row: after }, ...left, ...joined];
}

/** Collection of the captain record, which says whose a hold is. */
export const CAPTAIN = HOLD_COLLECTIONS.captain;
/** Collection of the crew records, one per member. */
export const CREW = HOLD_COLLECTIONS.crew;

/** Key of the only captain record that counts. */
export const SELF = "self";
