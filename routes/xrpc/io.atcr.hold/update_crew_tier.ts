/**
 * `io.atcr.hold.updateCrewTier`.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { HoldCrew } from "../../../lib/hold/crew.ts";
import type { HoldQuota } from "../../../lib/hold/quota/quota.ts";
import { anyCaller, type RightsDeps } from "../callers.ts";
import { method } from "../mount.ts";
import { didOf } from "../refusals.ts";

export interface UpdateCrewTierDeps extends RightsDeps {
  crew: HoldCrew;
  quota: HoldQuota;
  /** Registries that may set tiers, in addition to the admins of the hold. */
  trustedRegistries: readonly Did[];
}

/** Moves a member of the crew to another quota tier. */
export function updateCrewTier(deps: UpdateCrewTierDeps) {
  return method("io.atcr.hold.updateCrewTier", {
    authorize: anyCaller(deps),
    async handle({ caller, input: { userDid, tierRank } }) {
      if (!deps.trustedRegistries.includes(caller)) {
        const decision = await deps.access.admin(caller);
        if (!decision.allowed) {
          throw new AppError("DENIED", decision.reason, {
            xrpc: "AuthRequired",
          });
        }
      }
      const { name } = deps.quota.tierAt(tierRank);
      await deps.crew.setTier(didOf(userDid), name);
      return { tierName: name };
    },
  });
}
