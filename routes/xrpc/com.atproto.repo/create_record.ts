/**
 * `com.atproto.repo.createRecord`.
 *
 * @module
 */

import { method } from "../mount.ts";
import { applyTo, repoAdmins, type RepoWriteDeps, single } from "./writes.ts";

/** Creates a record that does not exist yet. */
export function createRecord(deps: RepoWriteDeps) {
  return method("com.atproto.repo.createRecord", {
    authorize: repoAdmins(deps),
    async handle({ input, caller }) {
      const { collection, rkey, record: value } = input;
      const place = rkey === undefined ? { collection } : { collection, rkey };
      return single(
        await applyTo(deps, input, caller, [
          { action: "create", ...place, value },
        ]),
      );
    },
  });
}
