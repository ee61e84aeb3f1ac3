/**
 * The rows that stand for one manifest: its facts, and what leads to it from
 * its layers and children.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic, Key } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { cardKeys } from "./kv_keys.ts";
import type { FactsRow } from "./rows.ts";

/** The rows that follow from the facts of a manifest. */
export function rowsOfFacts(
  did: Did,
  digest: Digest,
  { children = [], layers = [], rkey }: FactsRow,
): { key: Key; value: unknown }[] {
  const named = [...new Set(children.map((child) => child.digest))];
  return [
    ...named.map((child) => ({
      key: cardKeys.inIndex(did, child, digest),
      value: 1,
    })),
    ...layers.map((layer) => ({
      key: cardKeys.layer(layer, did, digest),
      value: 1,
    })),
    ...(rkey === undefined
      ? []
      : [{ key: cardKeys.manifestRecord(did, rkey), value: digest }]),
  ];
}

/** Stores facts with the rows that follow from them; where others were stored, remove these first. */
export function setFacts(
  commit: Atomic,
  did: Did,
  digest: Digest,
  facts: FactsRow,
): void {
  commit.set(cardKeys.manifest(did, digest), facts);
  for (const { key, value } of rowsOfFacts(did, digest, facts)) {
    commit.set(key, value);
  }
}

/** Removes what {@linkcode setFacts} has stored. */
export function deleteFacts(
  commit: Atomic,
  did: Did,
  digest: Digest,
  facts: FactsRow,
): void {
  commit.delete(cardKeys.manifest(did, digest));
  for (const { key } of rowsOfFacts(did, digest, facts)) commit.delete(key);
}
