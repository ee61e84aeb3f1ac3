/**
 * The rows that follow from the row of a tag.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import { cardKeys } from "./kv_keys.ts";
import { isReadFrom } from "./rkey_tags.ts";
import type { TagRow } from "./rows.ts";

/** The place of a tag in the order, among those of its digest, and by the keys of its records. */
export function rowsOfTag(
  did: Did,
  repo: string,
  tag: string,
  claims: TagRow,
): { key: Key; value: unknown }[] {
  const [{ digest, at }] = claims;
  const hidden = claims.filter(({ rkey }) => !isReadFrom(rkey, { repo, tag }));
  return [
    { key: cardKeys.tagTime(did, repo, at, tag), value: digest },
    { key: cardKeys.digestTag(did, digest, repo, tag), value: 1 },
    ...hidden.map(({ rkey }) => ({
      key: cardKeys.tagRecord(did, rkey),
      value: { repo, tag },
    })),
  ];
}
