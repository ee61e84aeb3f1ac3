/**
 * `io.atcr.hold.getQuota`.
 *
 * @module
 */

import type { HoldQuota } from "../../../lib/hold/quota/quota.ts";
import { method } from "../mount.ts";
import { didOf } from "../refusals.ts";

/** Answers with the space that an account uses; open to all, as the layer records it sums up are. */
export function getQuota(deps: { quota: HoldQuota }) {
  return method("io.atcr.hold.getQuota", {
    fieldErrors: { userDid: "InvalidUserDid" },
    handle: ({ params: { userDid } }) =>
      deps.quota.report(didOf(userDid, "InvalidUserDid")),
  });
}
