/**
 * `com.atproto.sync.getLatestCommit`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";

/** Returns the latest commit of the repo. */
export function getLatestCommit(deps: RepoDeps) {
  return method("com.atproto.sync.getLatestCommit", {
    async handle({ params: { did } }) {
      await requireServed(deps, did);
      const { cid, rev } = await deps.repo.head();
      return { cid, rev };
    },
  });
}
