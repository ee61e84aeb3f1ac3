/**
 * `com.atproto.repo.deleteRecord`.
 *
 * @module
 */

import { method } from "../mount.ts";
import {
  applyTo,
  committed,
  repoAdmins,
  type RepoWriteDeps,
} from "./writes.ts";

/** Deletes a record, which need not exist. */
export function deleteRecord(deps: RepoWriteDeps) {
  return method("com.atproto.repo.deleteRecord", {
    authorize: repoAdmins(deps),
    async handle({ input, caller }) {
      const { collection, rkey, swapRecord } = input;
      const swap = swapRecord === undefined ? {} : { swapRecord };
      return committed(
        await applyTo(deps, input, caller, [
          { action: "delete", collection, rkey, ...swap },
        ]),
      );
    },
  });
}
