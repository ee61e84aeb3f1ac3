/**
 * `com.atproto.repo.listRecords`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";

/** Returns a page of the records of a collection. */
export function listRecords(deps: RepoDeps) {
  return method("com.atproto.repo.listRecords", {
    async handle({ params: { repo, collection, ...options } }) {
      await requireServed(deps, repo);
      const { records, cursor } = await deps.repo.listRecords(
        collection,
        options,
      );
      return {
        records: records.map(({ uri, cid, value }) => ({ uri, cid, value })),
        cursor,
      };
    },
  });
}
