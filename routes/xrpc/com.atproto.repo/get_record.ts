/**
 * `com.atproto.repo.getRecord`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";

/** Returns one record. */
export function getRecord(deps: RepoDeps) {
  return method("com.atproto.repo.getRecord", {
    async handle({ params: { repo, collection, rkey, cid } }) {
      await requireServed(deps, repo);
      const record = await deps.repo.getRecord(collection, rkey);
      if (record === undefined || (cid !== undefined && cid !== record.cid)) {
        refuse(
          `There is no record ${collection}/${rkey}${cid ? ` ${cid}` : ""}.`,
          "RecordNotFound",
        );
      }
      return { uri: record.uri, cid: record.cid, value: record.value };
    },
  });
}
