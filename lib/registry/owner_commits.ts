/**
 * Commits into owners' repos, one at a time for each owner. What arrives while
 * one is under way goes together into the next: a push of many manifests at
 * once (platforms, signatures, attestations) is a few commits, not many.
 *
 * @module
 */

import type { Did } from "../atproto/identity.ts";
import type { PdsSession, RepoWrite } from "../atproto/pds.ts";
import { isAppError } from "../errors.ts";

/** Writes of one commit (limit of the reference PDS). */
export const MAX_WRITES = 200;

interface Waiting {
  readonly session: PdsSession;
  readonly writes: readonly RepoWrite[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Joins commits of one owner. */
export class OwnerCommits {
  readonly #queues = new Map<Did, Waiting[]>();

  /**
   * Applies `writes` in one commit, or none of them; at most
   * {@linkcode MAX_WRITES}. Throws what {@linkcode PdsSession.applyWrites}
   * throws for them alone.
   */
  commit(session: PdsSession, writes: readonly RepoWrite[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { session, writes, resolve, reject };
      const queue = this.#queues.get(session.did);
      if (queue) {
        queue.push(waiting);
      } else {
        this.#queues.set(session.did, [waiting]);
        void this.#run(session.did);
      }
    });
  }

  async #run(did: Did): Promise<void> {
    const queue = this.#queues.get(did) ?? [];
    while (queue.length > 0) await apply(nextBatch(queue));
    this.#queues.delete(did);
  }
}

/** Takes from the head of the queue what fits into one commit. */
function nextBatch(queue: Waiting[]): Waiting[] {
  const batch: Waiting[] = [];
  let writes = 0;
  for (let next = queue[0]; next; next = queue[0]) {
    writes += next.writes.length;
    if (batch.length > 0 && writes > MAX_WRITES) break;
    batch.push(next);
    queue.shift();
  }
  return batch;
}

async function apply(batch: readonly Waiting[]): Promise<void> {
  const [first] = batch;
  if (!first) return;
  try {
    await first.session.applyWrites(batch.flatMap(({ writes }) => writes));
    for (const { resolve } of batch) resolve();
  } catch (error) {
    if (batch.length === 1 || !isAppError(error)) {
      for (const { reject } of batch) reject(error);
      return;
    }
    // One of them may have spoiled it for all; each is told of its own writes.
    for (const one of batch) await apply([one]);
  }
}
