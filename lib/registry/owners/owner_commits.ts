/**
 * Commits to owners' repos, one at a time per owner. Writes that arrive during
 * a commit are combined in the next, together with those announced to arrive
 * soon: a concurrent push of many manifests (platforms, signatures,
 * attestations) needs few commits. A commit is several times as expensive for a
 * PDS as a write in it.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import {
  MAX_WRITES,
  type PdsSession,
  type RepoWrite,
} from "../../atproto/pds/pds.ts";
import { isAppError } from "../../errors.ts";

/** Maximum time that a commit waits for announced writes, in milliseconds. */
const GATHER_MS = 250;

/** Ends the wait. Without a reason, each end would make an error with a stack. */
const GATHERED = "enough writes were gathered";

/** A record that a commit created or updated. */
export interface CommittedRecord {
  readonly collection: string;
  readonly rkey: string;
  readonly cid: string;
}

interface Waiting {
  readonly session: PdsSession;
  readonly writes: readonly RepoWrite[];
  readonly resolve: (records: readonly CommittedRecord[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Combines commits of one owner. */
export class OwnerCommits {
  readonly #clock: Clock;
  readonly #queues = new Map<Did, Waiting[]>();
  /** Settle when announced writes have been queued, or never will be. */
  readonly #coming = new Map<Did, Set<Promise<void>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Applies `writes` in one commit, or none of them; at most
   * {@linkcode MAX_WRITES}. A commit of the owner that starts while they are
   * being prepared waits for them. Throws the errors of
   * {@linkcode PdsSession.applyWrites} for these writes alone, and those of
   * preparing them. Returns the records as far as the PDS says their CIDs.
   */
  async commit(
    session: PdsSession,
    writes: readonly RepoWrite[] | Promise<readonly RepoWrite[]>,
  ): Promise<readonly CommittedRecord[]> {
    const { did } = session;
    if (!(writes instanceof Promise)) return await this.#queue(session, writes);
    const { promise: queued, resolve: settle } = Promise.withResolvers<void>();
    const coming = this.#coming.get(did) ?? new Set();
    this.#coming.set(did, coming.add(queued));
    let committed: Promise<readonly CommittedRecord[]>;
    try {
      committed = this.#queue(session, await writes);
    } finally {
      coming.delete(queued);
      if (coming.size === 0) this.#coming.delete(did);
      settle();
    }
    return await committed;
  }

  #queue(
    session: PdsSession,
    writes: readonly RepoWrite[],
  ): Promise<readonly CommittedRecord[]> {
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
    while (queue.length > 0) {
      const coming = this.#coming.get(did);
      if (coming) await this.#gather(coming);
      await apply(nextBatch(queue));
    }
    this.#queues.delete(did);
  }

  /** Waits for writes announced so far, but not for later ones. */
  async #gather(coming: Iterable<Promise<void>>): Promise<void> {
    const over = new AbortController();
    await Promise.race([
      Promise.all([...coming]),
      this.#clock.sleep(GATHER_MS, over.signal),
    ]);
    over.abort(GATHERED);
  }
}

/** Takes writes from the head of the queue that fit into one commit at one PDS. */
function nextBatch(queue: Waiting[]): Waiting[] {
  const batch: Waiting[] = [];
  let writes = 0;
  for (let next = queue[0]; next; next = queue[0]) {
    writes += next.writes.length;
    const fits = writes <= MAX_WRITES &&
      next.session.pds === batch[0]?.session.pds;
    if (batch.length > 0 && !fits) break;
    batch.push(next);
    queue.shift();
  }
  return batch;
}

async function apply(batch: readonly Waiting[]): Promise<void> {
  const [first] = batch;
  if (!first) return;
  try {
    const all = batch.flatMap(({ writes }) => writes);
    const cids = await first.session.applyWrites(all);
    let at = 0;
    for (const { writes, resolve } of batch) {
      resolve(committed(writes, cids.slice(at, at + writes.length)));
      at += writes.length;
    }
  } catch (error) {
    if (batch.length === 1 || !isAppError(error) || isForAll(error)) {
      for (const { reject } of batch) reject(error);
      return;
    }
    // One of them may have failed the whole commit; retry each to get its own result.
    for (const one of batch) await apply([one]);
  }
}

function committed(
  writes: readonly RepoWrite[],
  cids: readonly (string | undefined)[],
): CommittedRecord[] {
  return writes.flatMap(({ action, collection, rkey }, i) => {
    const cid = cids[i];
    return action === "delete" || cid === undefined
      ? []
      : [{ collection, rkey, cid }];
  });
}

/**
 * Whether a failure is unrelated to the writes, which may even have been
 * applied: a retry might be refused, which would wrongly mean that nothing has
 * changed.
 */
function isForAll(error: unknown): boolean {
  return isAppError(
    error,
    "UNAVAILABLE",
    "UPSTREAM_TIMEOUT",
    "TOOMANYREQUESTS",
  );
}
