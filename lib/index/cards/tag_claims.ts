/**
 * Which record counts for a tag. Two records of a repo may claim the same tag;
 * the one with the later time counts, whatever their order of arrival.
 *
 * @module
 */

import type { TagClaim, TagRow } from "./rows.ts";

/** Most records that are remembered for one tag; nobody but an attacker has more than two. */
const MAX_CLAIMS = 4;

/** The row with `claim` in the place of an earlier one of the same record. */
export function withClaim(row: TagRow | undefined, claim: TagClaim): TagRow {
  const others = row?.filter(({ rkey }) => rkey !== claim.rkey) ?? [];
  return inOrder([claim, ...others]) ?? [claim];
}

/** The row without the record at `rkey`; undefined when no other claims the tag. */
export function withoutClaim(
  row: TagRow | undefined,
  rkey: string,
): TagRow | undefined {
  return inOrder(row?.filter((claim) => claim.rkey !== rkey) ?? []);
}

/** The claim of the record at `rkey`. */
export function claimOf(
  row: TagRow | undefined,
  rkey: string,
): TagClaim | undefined {
  return row?.find((claim) => claim.rkey === rkey);
}

function inOrder(claims: readonly TagClaim[]): TagRow | undefined {
  const [first, ...rest] = claims
    .toSorted((a, b) => b.at - a.at || (a.rkey < b.rkey ? -1 : 1))
    .slice(0, MAX_CLAIMS);
  return first && [first, ...rest];
}
