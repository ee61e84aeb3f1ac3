/**
 * Which of two states of a record is the later one.
 *
 * @module
 */

import { parse } from "@atcute/tid";
import type { RecordChange } from "../record_change.ts";

/** A state that is stored. */
interface Known {
  readonly rev?: string | undefined;
  /** When the record was written, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * Whether `change` is older than what is stored. Revisions decide where both
 * are known; what was pushed here has none, and is compared by its time `at`
 * (undefined: that of the change).
 */
export function isOlder(
  change: Pick<RecordChange, "rev">,
  known: Known | undefined,
  at?: number,
): boolean {
  if (known === undefined) return false;
  const { rev } = change;
  if (rev !== undefined && known.rev !== undefined) return rev < known.rev;
  const time = at ?? timeOf(rev);
  return time !== undefined && time < known.at;
}

/** When a revision was made, in milliseconds since the Unix epoch. */
function timeOf(rev: string | undefined): number | undefined {
  if (rev === undefined) return undefined;
  try {
    return parse(rev).timestamp / 1000;
  } catch {
    return undefined;
  }
}
