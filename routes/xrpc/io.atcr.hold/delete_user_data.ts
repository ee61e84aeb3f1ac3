/**
 * `io.atcr.hold.deleteUserData`.
 *
 * @module
 */

import type { HoldUserData } from "../../../lib/hold/user_data.ts";
import { anyCaller, type ServiceTokens } from "../callers.ts";
import { method } from "../mount.ts";
import { failingAs } from "../refusals.ts";

/** Deletes what the hold has recorded about the caller. */
export function deleteUserData(
  deps: { tokens: ServiceTokens; userData: HoldUserData },
) {
  return method("io.atcr.hold.deleteUserData", {
    authorize: anyCaller(deps),
    handle: ({ caller }) =>
      failingAs("DeletionFailed", () => deps.userData.delete(caller)),
  });
}
