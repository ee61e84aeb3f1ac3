/**
 * `io.atcr.hold.updateCrewTier`.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { CaptainRecords } from "../../../lib/hold/captain_records.ts";
import type { HoldCrew } from "../../../lib/hold/crew.ts";
import type { HoldQuota } from "../../../lib/hold/quota/quota.ts";
import { COLLECTIONS, crewRkey } from "../../../lib/hold/records.ts";
import { anyCaller, type RightsDeps } from "../callers.ts";
import { method } from "../mount.ts";
import { didOf } from "../refusals.ts";

export interface UpdateCrewTierDeps extends RightsDeps {
  crew: HoldCrew;
  captainRecords: CaptainRecords;
  quota: HoldQuota;
  /** Registries that may set tiers, in addition to the admins of the hold. */
  trustedRegistries: readonly Did[];
}

/** Moves a member of the crew to another quota tier. */
export function updateCrewTier(deps: UpdateCrewTierDeps) {
  return method("io.atcr.hold.updateCrewTier", {
    authorize: anyCaller(deps),
    async handle({ caller, input: { userDid, tierRank } }) {
      const member = didOf(userDid);
      if (!deps.trustedRegistries.includes(caller)) {
        const decision = await deps.access.admin(caller);
        if (!decision.allowed) {
          throw new AppError("DENIED", decision.reason, {
            xrpc: "AuthRequired",
          });
        }
        const record = {
          collection: COLLECTIONS.crew,
          rkey: crewRkey(member),
        };
        await deps.captainRecords.require(caller, [record]);
      }
      const { name } = deps.quota.tierAt(tierRank);
      await deps.crew.setTier(member, name);
      return { tierName: name };
    },
  });
}
