/**
 * Work of the index that depends on other servers, as durable jobs.
 *
 * @module
 */

import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { type Did, storedDidSchema } from "../../did.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";

const ofAccount = z.object({ did: storedDidSchema });

/** Kinds of jobs, with slots of their own so that no other job waits for them. */
export const NETWORK_JOBS = {
  /** Lists the repo of an account; repeated weekly. */
  list: {
    name: "index.list",
    payload: ofAccount,
    maxAttempts: 8,
    backoffMs: 30_000,
    concurrency: 4,
  },
  /** Resolves the handle of an account. */
  identity: {
    name: "index.identity",
    payload: ofAccount,
    maxAttempts: 8,
    backoffMs: 5_000,
    concurrency: 2,
  },
  /** Removes a deleted account. */
  remove: {
    name: "index.remove",
    payload: ofAccount,
    maxAttempts: 12,
    backoffMs: 60_000,
    concurrency: 1,
  },
  /** Finds accounts to list: those with records of a collection at a relay, or all known ones. */
  backfill: {
    name: "index.backfill",
    payload: z.object({
      /** Undefined: the known accounts. */
      collection: z.string().optional(),
      /** Cursor of the next page. */
      cursor: z.string().optional(),
      /** Accounts listed since then are not listed again; milliseconds since the Unix epoch. */
      since: z.number(),
      pages: z.number(),
    }),
    maxAttempts: 12,
    backoffMs: 60_000,
    concurrency: 1,
  },
} as const;

type ListJob = z.infer<typeof ofAccount>;

/** A walk over accounts to list. */
export type BackfillJob = z.infer<typeof NETWORK_JOBS.backfill.payload>;

const WEEK_MS = 7 * 86_400_000;

export interface NetworkJobsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  /** Makes the runner look for due jobs now. */
  readonly wake: () => void;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** Queues the jobs, one of each kind for an account. */
export class NetworkJobs {
  readonly #deps: NetworkJobsDeps;

  constructor(deps: NetworkJobsDeps) {
    this.#deps = deps;
  }

  /** Starts jobs that were added to a commit. */
  wake(): void {
    this.#deps.wake();
  }

  /** Adds the listing of an account's repo to `commit`: two mutations. */
  addListing(commit: Atomic, did: Did): void {
    this.#add(commit, NETWORK_JOBS.list, did, 0);
  }

  /** Adds a walk over accounts to `commit`; replaces a waiting one over the same accounts. */
  addBackfill(commit: Atomic, job: BackfillJob, pauseMs = 0): void {
    const { clock } = this.#deps;
    enqueue(commit, clock, NETWORK_JOBS.backfill, job, {
      dedupeKey: job.collection ?? "known",
      runAt: clock.now() + pauseMs,
    });
  }

  /** Queues the listing of a repo in `pauseMs` milliseconds. */
  async listLater(did: Did, pauseMs: number): Promise<void> {
    await this.#queue(NETWORK_JOBS.list, did, pauseMs);
  }

  /** Queues the weekly listing; a listing queued meanwhile is kept. */
  async listNextWeek(did: Did): Promise<void> {
    const { kv, clock } = this.#deps;
    const commit = kv.atomic();
    enqueue(commit, clock, NETWORK_JOBS.list, { did }, {
      dedupeKey: `${did} weekly`,
      runAt: clock.now() + this.nextWeek(),
    });
    await commit.commit();
  }

  async identityChanged(did: Did): Promise<void> {
    await this.#queue(NETWORK_JOBS.identity, did, 0);
  }

  async removeLater(did: Did): Promise<void> {
    await this.#queue(NETWORK_JOBS.remove, did, 0);
  }

  /** A week with jitter, in milliseconds. */
  nextWeek(): number {
    const { random = Math.random } = this.#deps;
    return WEEK_MS * (0.9 + random() / 5);
  }

  async #queue(
    kind: JobKind<ListJob>,
    did: Did,
    pauseMs: number,
  ): Promise<void> {
    const commit = this.#deps.kv.atomic();
    this.#add(commit, kind, did, pauseMs);
    await commit.commit();
    if (pauseMs === 0) this.wake();
  }

  #add(
    commit: Atomic,
    kind: JobKind<ListJob>,
    did: Did,
    pauseMs: number,
  ): void {
    const { clock } = this.#deps;
    enqueue(commit, clock, kind, { did }, {
      dedupeKey: did,
      runAt: clock.now() + pauseMs,
    });
  }
}
