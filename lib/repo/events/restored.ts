/**
 * Continues the event stream of a repo that was put back from a backup.
 *
 * @module
 */

import type { CommitDeps } from "../commit_writer.ts";
import { announceRestored } from "../genesis.ts";
import type { HeadQueue } from "../head_queue.ts";
import type { RepoDeps } from "../types.ts";

/** More events than any repo has between a backup and its restore. */
const GAP = 1_000_000;

/**
 * Continues the numbers of events far above those that may have been given out
 * after the backup: consumers refuse numbers that they have seen. They receive
 * `OutdatedCursor` and read the repo again. Returns the number of the newest
 * event.
 */
export async function continueRestored(
  deps: RepoDeps & CommitDeps,
  queue: HeadQueue,
): Promise<number> {
  const seconds = Math.floor(deps.clock.now() / 1000);
  await queue.change(async (head) => {
    const least = Math.max(seconds, head.value.seq + GAP);
    const { handle } = deps;
    const events = await announceRestored(deps, head, { least, handle });
    return events && { result: undefined, events };
  });
  return await deps.log.latest();
}
