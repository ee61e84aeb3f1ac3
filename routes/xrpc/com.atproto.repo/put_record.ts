/**
 * `com.atproto.repo.putRecord`.
 *
 * @module
 */

import { method } from "../mount.ts";
import { applyTo, repoAdmins, type RepoWriteDeps, single } from "./writes.ts";

/** Creates or updates a record. */
export function putRecord(deps: RepoWriteDeps) {
  return method("com.atproto.repo.putRecord", {
    authorize: repoAdmins(deps),
    async handle({ input, caller }) {
      const { collection, rkey, record: value, swapRecord } = input;
      const swap = swapRecord === undefined ? {} : { swapRecord };
      return single(
        await applyTo(deps, input, caller, [
          { action: "put", collection, rkey, value, ...swap },
        ]),
      );
    },
  });
}
