/**
 * Push and pull counts of repositories, in `io.atcr.hold.stats`.
 *
 * @module
 */

import { MAX_WRITES } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import { statsRkey } from "../atproto/records/rkeys.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { Logger } from "../log.ts";
import {
  COLLECTIONS,
  type HoldRecords,
  type HoldWrite,
  type Stats,
  statsSchema,
} from "./records.ts";

export interface HoldStatsDeps {
  records: HoldRecords;
  clock: Clock;
  log: Logger;
}

/** A repository. */
export interface RepoName {
  readonly owner: Did;
  readonly repository: string;
}

/** Counts to set; undefined ones stay. */
export interface StatsCounts {
  pullCount?: number;
  pushCount?: number;
  /** ISO 8601. */
  lastPull?: string;
  lastPush?: string;
}

interface Pulls extends RepoName {
  count: number;
  /** Milliseconds since the Unix epoch. */
  last: number;
}

/** Repositories with unflushed pulls above which a flush starts early. */
const MAX_WAITING = 5_000;

/** Attempts of a flush under contention. */
const ATTEMPTS = 10;

/** Counts pushes immediately and pulls in batches. */
export class HoldStats {
  readonly #deps: HoldStatsDeps;
  #waiting = new Map<string, Pulls>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(deps: HoldStatsDeps) {
    this.#deps = deps;
  }

  /** The counts of a repository. */
  async get(repo: RepoName): Promise<Stats | undefined> {
    return (await this.#read(repo)).stats;
  }

  /**
   * Returns the write that counts one push; it fails with `CONFLICT` when the
   * counts changed meanwhile.
   */
  async pushWrite(repo: RepoName): Promise<HoldWrite> {
    const now = this.#now();
    const found = await this.#read(repo);
    const stats = found.stats ?? this.#fresh(repo);
    return put(found, {
      ...stats,
      pushCount: stats.pushCount + 1,
      lastPush: now,
      updatedAt: now,
    });
  }

  /** Counts a pull; it is written with the next {@linkcode flush}. */
  countPull(repo: RepoName): void {
    const { owner, repository } = repo;
    const key = `${owner}/${repository}`;
    const pulls = this.#waiting.get(key) ??
      { owner, repository, count: 0, last: 0 };
    pulls.count++;
    pulls.last = this.#deps.clock.now();
    this.#waiting.set(key, pulls);
    if (this.#waiting.size >= MAX_WAITING) {
      this.flush().catch((error) =>
        this.#deps.log.warn("pulls not counted yet", { error })
      );
    }
  }

  /**
   * Writes the pulls counted so far, many repositories per commit. Pulls of
   * repositories that were never pushed here are dropped. Call it every minute
   * and at shutdown; failed counts are kept for the next call.
   */
  flush(): Promise<void> {
    const turn = this.#flushing.then(() => this.#flush());
    this.#flushing = turn.catch(() => undefined); // Errors go to its own caller.
    return turn;
  }

  /** Sets absolute counts (`io.atcr.hold.setStats`). */
  async set(repo: RepoName, counts: StatsCounts): Promise<void> {
    const found = await this.#read(repo);
    const stats = found.stats ?? this.#fresh(repo);
    const value = { ...stats, ...counts, updatedAt: this.#now() };
    await this.#deps.records.apply([put(found, value)]);
  }

  async #flush(): Promise<void> {
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    try {
      while (waiting.length > 0) {
        await this.#flushBatch(waiting.slice(0, MAX_WRITES));
        waiting.splice(0, MAX_WRITES);
      }
    } catch (error) {
      for (const { owner, repository, count, last } of waiting) {
        const key = `${owner}/${repository}`;
        const later = this.#waiting.get(key);
        this.#waiting.set(key, {
          owner,
          repository,
          count: count + (later?.count ?? 0),
          last: Math.max(last, later?.last ?? 0),
        });
      }
      throw error;
    }
  }

  async #flushBatch(batch: readonly Pulls[]): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const writes: HoldWrite[] = [];
      for (const pulls of batch) {
        const found = await this.#read(pulls);
        if (!found.stats) continue;
        const last = new Date(pulls.last).toISOString();
        writes.push(put(found, {
          ...found.stats,
          pullCount: found.stats.pullCount + pulls.count,
          lastPull: last,
          updatedAt: last,
        }));
      }
      if (writes.length === 0) return;
      try {
        await this.#deps.records.apply(writes);
        return;
      } catch (error) {
        if (!isAppError(error, "CONFLICT") || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #read({ owner, repository }: RepoName): Promise<Found> {
    const rkey = statsRkey(owner, repository);
    const record = await this.#deps.records.getRecord(COLLECTIONS.stats, rkey);
    const parsed = statsSchema.safeParse(record?.value);
    return { rkey, cid: record?.cid ?? null, stats: parsed.data };
  }

  #fresh({ owner, repository }: RepoName): Stats {
    return {
      ownerDid: owner,
      repository,
      pullCount: 0,
      pushCount: 0,
      updatedAt: this.#now(),
    };
  }

  #now(): string {
    return new Date(this.#deps.clock.now()).toISOString();
  }
}

/** A stats record, or its key. */
interface Found {
  readonly rkey: string;
  /** Null when there is no record. */
  readonly cid: string | null;
  readonly stats: Stats | undefined;
}

function put({ rkey, cid }: Found, value: Stats): HoldWrite {
  return {
    action: "put",
    collection: COLLECTIONS.stats,
    rkey,
    value,
    swapRecord: cid,
  };
}
