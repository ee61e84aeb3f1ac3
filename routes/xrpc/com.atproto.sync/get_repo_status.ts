/**
 * `com.atproto.sync.getRepoStatus`.
 *
 * @module
 */

import { type RepoDeps, requireRepo } from "../account.ts";
import { method } from "../mount.ts";

/** Returns whether the repo is active, also while it is not. */
export function getRepoStatus({ account, repo }: RepoDeps) {
  return method("com.atproto.sync.getRepoStatus", {
    async handle({ params: { did } }) {
      requireRepo(account, did);
      const { rev, active } = await repo.head();
      return active
        ? { did, active, rev }
        : { did, active, status: "deactivated" };
    },
  });
}
