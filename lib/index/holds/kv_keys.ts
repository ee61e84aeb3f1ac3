/**
 * Keys of what the index knows of holds: who owns them, who is crew, and
 * whether they can be reached.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import { INDEX_VERSION } from "../version.ts";

const derived = (kind: string, ...parts: string[]): Key => [
  "index",
  INDEX_VERSION,
  kind,
  ...parts,
];

/** Key builders and prefixes. */
export const holdKeys = {
  /** What the captain record of a hold says. */
  hold: (hold: Did) => derived("hold", hold),
  allHolds: () => derived("hold"),
  /** That `owner` is captain of a hold. */
  ownHold: (owner: Did, hold: Did) => derived("hold_of", owner, hold),
  ownHolds: (owner: Did) => derived("hold_of", owner),
  everyOwnHold: () => derived("hold_of"),

  /** A crew record. */
  crew: (hold: Did, rkey: string) => derived("hold_crew", hold, rkey),
  allCrew: (hold: Did) => derived("hold_crew", hold),
  everyCrew: () => derived("hold_crew"),
  /** The same record, by the account that it makes a member. */
  membership: (member: Did, hold: Did, rkey: string) =>
    derived("hold_member", member, hold, rkey),
  memberships: (member: Did) => derived("hold_member", member),
  everyMembership: () => derived("hold_member"),
  /** That the records of our own hold are all here. */
  ownHoldRead: (hold: Did) => derived("own_hold_read", hold),

  /** Whether a hold can be reached; no PDS says so. */
  health: (hold: Did): Key => ["observed", "hold_health", hold],
  allHealth: (): Key => ["observed", "hold_health"],
  /** How many holds are checked by the clock; a counter. */
  watchedCount: (): Key => ["observed", "hold_health_count"],
} as const;
