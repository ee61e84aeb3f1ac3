/**
 * Updates the captain record and the owner's crew record from the
 * configuration, at every start.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import {
  captainSchema,
  COLLECTIONS,
  crewRkey,
  crewSchema,
  type HoldRecords,
  type HoldWrite,
  SELF,
} from "./records.ts";

/** Settings of the operator. */
export interface HoldSettings {
  readonly ownerDid: Did;
  /** Whether blobs are publicly readable. */
  readonly public: boolean;
  /** Whether any account may join the crew. */
  readonly allowAllCrew: boolean;
  readonly enableBlueskyPosts: boolean;
  /** Location of the storage, for display. */
  readonly region?: string;
  /** The hold that replaces this one. */
  readonly successor?: Did;
}

export interface BootstrapDeps {
  records: HoldRecords;
  clock: Clock;
  log: Logger;
}

/** Permissions of the owner. */
const OWNER_PERMISSIONS = ["blob:read", "blob:write", "crew:admin"];

/**
 * Writes the differences in one commit; nothing when there are none. Fields not
 * in the configuration stay. A former owner stays in the crew until an admin
 * removes them.
 */
export async function bootstrapHold(
  deps: BootstrapDeps,
  settings: HoldSettings,
): Promise<void> {
  const { records, clock, log } = deps;
  const { ownerDid, region, successor } = settings;
  const now = new Date(clock.now()).toISOString();
  const captain = await records.getRecord(COLLECTIONS.captain, SELF);
  const before = captainSchema.safeParse(captain?.value);
  if (before.success && before.data.owner !== ownerDid) {
    log.warn("owner of the hold changes; the earlier one stays in the crew", {
      from: before.data.owner,
      to: ownerDid,
    });
  }
  const writes: HoldWrite[] = [{
    action: "put",
    collection: COLLECTIONS.captain,
    rkey: SELF,
    value: {
      ...captain?.value,
      owner: ownerDid,
      public: settings.public,
      allowAllCrew: settings.allowAllCrew,
      enableBlueskyPosts: settings.enableBlueskyPosts,
      deployedAt: before.success ? before.data.deployedAt : now,
      ...(region === undefined ? {} : { region }),
      ...(successor === undefined ? {} : { successor }),
    },
  }];
  const rkey = crewRkey(ownerDid);
  const crew = await records.getRecord(COLLECTIONS.crew, rkey);
  const member = crewSchema.safeParse(crew?.value);
  writes.push({
    action: "put",
    collection: COLLECTIONS.crew,
    rkey,
    value: {
      ...crew?.value,
      member: ownerDid,
      role: "admin",
      permissions: OWNER_PERMISSIONS,
      addedAt: member.success ? member.data.addedAt : now,
    },
  });
  const { results } = await records.apply(writes);
  const written = results.filter(({ action }) => action !== "none");
  if (written.length > 0) {
    log.info("captain and owner recorded", { owner: ownerDid });
  }
}
