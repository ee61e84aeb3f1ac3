/**
 * `io.atcr.hold.setStats`.
 *
 * @module
 */

import type { HoldStats } from "../../../lib/hold/stats.ts";
import { admins, type RightsDeps } from "../callers.ts";
import { method } from "../mount.ts";
import { didOf, refuse } from "../refusals.ts";

/** Sets the counts of a repository. */
export function setStats(deps: RightsDeps & { stats: HoldStats }) {
  return method("io.atcr.hold.setStats", {
    authorize: admins(deps),
    fieldErrors: { ownerDid: "InvalidOwner", repository: "InvalidRepository" },
    async handle({ input }) {
      const { ownerDid, repository, ...counts } = input;
      const owner = didOf(ownerDid, "InvalidOwner");
      if (repository === "") {
        refuse("The name of the repository is empty.", "InvalidRepository");
      }
      await deps.stats.set({ owner, repository }, counts);
      return { success: true };
    },
  });
}
