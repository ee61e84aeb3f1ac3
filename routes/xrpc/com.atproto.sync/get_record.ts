/**
 * `com.atproto.sync.getRecord`.
 *
 * @module
 */

import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";
import { car } from "./car.ts";

/** Proves that a record is in the repo, or that it is not. */
export function getRecordProof(deps: RepoDeps) {
  return method("com.atproto.sync.getRecord", {
    async handle({ params: { did, collection, rkey } }) {
      await requireServed(deps, did);
      return car(await deps.repo.car.proof(collection, rkey));
    },
  });
}
