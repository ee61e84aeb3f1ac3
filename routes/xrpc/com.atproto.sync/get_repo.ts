/**
 * `com.atproto.sync.getRepo`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";
import { car } from "./car.ts";

/** Exports the repo, or what changed in it since a revision. */
export function getRepo(deps: RepoDeps) {
  return method("com.atproto.sync.getRepo", {
    async handle({ params: { did, since } }) {
      await requireServed(deps, did);
      return car(await deps.repo.car.export(since));
    },
  });
}
