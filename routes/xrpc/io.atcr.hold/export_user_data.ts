/**
 * `io.atcr.hold.exportUserData`.
 *
 * @module
 */

import type { HoldUserData } from "../../../lib/hold/user_data.ts";
import { anyCaller, type ServiceTokens } from "../callers.ts";
import { method } from "../mount.ts";

/** Returns what the hold has recorded about the caller. */
export function exportUserData(
  deps: { tokens: ServiceTokens; userData: HoldUserData },
) {
  return method("io.atcr.hold.exportUserData", {
    authorize: anyCaller(deps),
    handle: ({ caller }) => deps.userData.export(caller),
  });
}
