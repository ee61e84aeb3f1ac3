/**
 * The hold of this process, as accounts use it.
 *
 * @module
 */

import type { HoldMember } from "../../hold_api/hold_member.ts";
import type { HoldContext } from "../hold.ts";

/** Crew members that are counted. */
const MAX_CREW = 1_000;

/** Builds it from the services of the hold. */
export function nearMember(
  { did, crew, quota, posts, userData }: Pick<
    HoldContext,
    "did" | "crew" | "quota" | "posts" | "userData"
  >,
): HoldMember {
  return {
    did,
    near: {
      leave: async (caller) => {
        await crew.remove(caller);
      },
      isPosted: async (caller) => !await posts.optedOut(caller),
      setPosted: (caller, posted) => posts.setOptOut(caller, !posted),
    },
    storage: async (account) => {
      const { totalSize, uniqueBlobs, limit, tier } = await quota.report(
        account,
      );
      return { used: totalSize, blobs: uniqueBlobs, limit, tier };
    },
    crew: async () => {
      let count = 0;
      for await (const _ of crew.list()) {
        if (count === MAX_CREW) return { count, isWhole: false };
        count++;
      }
      return { count, isWhole: true };
    },
    join: async (caller) => {
      await crew.request(caller);
    },
    exportData: (caller) => userData.export(caller),
    deleteData: async (caller) => {
      await userData.delete(caller);
    },
  };
}
