/**
 * `io.atcr.hold.getQuota`.
 *
 * @module
 */

import type { HoldQuota } from "../../../lib/hold/quota/quota.ts";
import { method } from "../mount.ts";
import { didOf } from "../refusals.ts";

/** Returns the storage used by an account; public, like the layer records it sums up. */
export function getQuota(deps: { quota: HoldQuota }) {
  return method("io.atcr.hold.getQuota", {
    fieldErrors: { userDid: "InvalidUserDid" },
    handle: ({ params: { userDid } }) =>
      deps.quota.report(didOf(userDid, "InvalidUserDid")),
  });
}
