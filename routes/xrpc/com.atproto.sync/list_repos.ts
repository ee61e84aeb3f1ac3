/**
 * `com.atproto.sync.listRepos`.
 *
 * @module
 */

import type { RepoDeps } from "../account.ts";
import { method } from "../mount.ts";

/** Lists the one repo. */
export function listRepos({ account: { did }, repo }: RepoDeps) {
  return method("com.atproto.sync.listRepos", {
    async handle({ params: { cursor } }) {
      // One repo is one page; a caller with a cursor has already received it.
      if (cursor !== undefined) return { repos: [] };
      const { cid: head, rev, active } = await repo.head();
      const status = active ? {} : { status: "deactivated" };
      return { repos: [{ did, head, rev, active, ...status }] };
    },
  });
}
