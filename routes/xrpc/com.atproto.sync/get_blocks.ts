/**
 * `com.atproto.sync.getBlocks`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";
import { car } from "./car.ts";

/** Exports blocks of the repo. */
export function getBlocks(deps: RepoDeps) {
  return method("com.atproto.sync.getBlocks", {
    async handle({ params: { did, cids } }) {
      await requireServed(deps, did);
      return car(await deps.repo.car.blocks(cids));
    },
  });
}
