/**
 * Removes all rows with one beginning of their keys.
 *
 * @module
 */

import type { Kv, ListSelector } from "../kv.ts";

/** Rows of one commit; their keys stay far below the limit of a commit. */
const ROWS_PER_COMMIT = 200;

/**
 * Removes the rows that `selector` covers, some at a time; returns how many.
 * Repeated after an interruption it continues. Throws the reason of `signal`.
 */
export async function removeBelow(
  kv: Kv,
  selector: ListSelector,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (;;) {
    signal.throwIfAborted();
    const limit = ROWS_PER_COMMIT;
    const rows = await Array.fromAsync(kv.list(selector, { limit }));
    if (rows.length === 0) return removed;
    const commit = kv.atomic();
    for (const { key } of rows) commit.delete(key);
    await commit.commit();
    removed += rows.length;
  }
}
