/**
 * Which of two changes of a record is the newer one.
 *
 * @module
 */

import type { RecordChange } from "./record_change.ts";

/** What a row remembers of the change that it was made from. */
export interface Seen {
  /** Revision of the repo, where it was known. */
  readonly rev?: string;
  /** Milliseconds since the Unix epoch. */
  readonly seenAt: number;
}

/**
 * Whether `change` says more than the row that was made from `seen`. Revisions
 * decide where both have one; a listing counts by the time at which it was
 * read.
 */
export function isNews(
  change: Pick<RecordChange, "rev" | "at">,
  seen: Seen | undefined,
): boolean {
  if (seen === undefined) return true;
  if (change.rev === undefined) return change.at >= seen.seenAt;
  // Events of one account come in order, so that what is old is corrected by what follows.
  return seen.rev === undefined || change.rev > seen.rev;
}

/** What the row made from `change` remembers; the revision stays known where a listing has none. */
export function seenFrom(
  change: Pick<RecordChange, "rev" | "at">,
  before: Seen | undefined,
): Seen {
  const rev = change.rev ?? before?.rev;
  return { seenAt: change.at, ...(rev === undefined ? {} : { rev }) };
}
