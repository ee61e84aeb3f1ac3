/**
 * The rows that stand for one manifest: its facts, and what leads to it from
 * its layers and children.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { cardKeys } from "./kv_keys.ts";
import type { FactsRow } from "./rows.ts";

/** Stores facts with the rows that follow from them; content does not change, so that nothing has to go. */
export function setFacts(
  commit: Atomic,
  did: Did,
  digest: Digest,
  facts: FactsRow,
): void {
  const { children = [], layers = [], rkey } = facts;
  commit.set(cardKeys.manifest(did, digest), facts);
  for (const child of new Set(children.map((one) => one.digest))) {
    commit.set(cardKeys.inIndex(did, child, digest), 1);
  }
  for (const layer of layers) commit.set(cardKeys.layer(layer, did, digest), 1);
  if (rkey !== undefined) {
    commit.set(cardKeys.manifestRecord(did, rkey), digest);
  }
}

/** Removes what {@linkcode setFacts} has stored. */
export function deleteFacts(
  commit: Atomic,
  did: Did,
  digest: Digest,
  { children = [], layers = [], rkey }: FactsRow,
): void {
  commit.delete(cardKeys.manifest(did, digest));
  for (const child of new Set(children.map((one) => one.digest))) {
    commit.delete(cardKeys.inIndex(did, child, digest));
  }
  for (const layer of layers) commit.delete(cardKeys.layer(layer, did, digest));
  if (rkey !== undefined) commit.delete(cardKeys.manifestRecord(did, rkey));
}
