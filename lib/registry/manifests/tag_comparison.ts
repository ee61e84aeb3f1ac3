/**
 * Tags as their records have them, compared with what the index has.
 *
 * @module
 */

import type { TagRecord } from "../../atproto/records/records.ts";
import type { TagRow } from "../rows.ts";
import type { PendingRemovals } from "./removals.ts";

/** Whether the tag leads to a manifest that is being removed, as far as that shows without asking. */
export function isPending(
  tag: TagRecord,
  { pending }: PendingRemovals,
): boolean {
  return tag.digest !== undefined && pending[tag.digest] !== undefined;
}

/** Whether the index has the tag as its record says, as far as that shows without asking. */
export function isSame(row: TagRow, tag: TagRecord): boolean {
  return tag.digest === undefined
    ? row.updatedAt === tag.updatedAt
    : row.digest === tag.digest;
}
