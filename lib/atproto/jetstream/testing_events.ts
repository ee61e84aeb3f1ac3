/**
 * Events of the network for tests.
 *
 * @module
 */

import type { Did } from "../../did.ts";

/** A commit that updates the record `self` of an account. */
export function commitOf(
  did: Did,
  timeUs: number,
  collection = "app.bsky.actor.profile",
) {
  return {
    did,
    timeUs,
    kind: "commit",
    operation: "update",
    collection,
    rkey: "self",
    rev: "3l3qo2vutsw2b",
    cid: undefined,
    record: {},
  } as const;
}
