/**
 * Finds accounts to list, a bounded number in each run.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { type Did, parseDid } from "../../did.ts";
import type { RepoDirectory } from "../../atproto/hosting/repo_directory.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { NetworkAccounts } from "./accounts.ts";
import { isOurs } from "./dispatcher.ts";
import type { BackfillJob, NetworkJobs } from "./jobs.ts";

export interface BackfillDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly accounts: NetworkAccounts;
  readonly jobs: NetworkJobs;
  /** Relay to query; undefined: only known accounts are listed. */
  readonly relay: Pick<RepoDirectory, "listRepos"> | undefined;
  readonly collections: readonly string[];
}

/** Pages processed by one run. */
const PAGES_AT_ONCE = 4;
const PAGE = 500;
/** Most pages of a walk, in case a relay never ends: a million accounts. */
const MAX_PAGES = 2_000;

/** Plans the listing of all accounts of the network that have records of the index. */
export class Backfill {
  readonly #deps: BackfillDeps;

  constructor(deps: BackfillDeps) {
    this.#deps = deps;
  }

  /** Adds the listing of all accounts to `commit`, after events were missed or at the first start. */
  begin(commit: Atomic): void {
    const { clock, collections, jobs, relay } = this.#deps;
    const since = clock.now();
    jobs.addBackfill(commit, { since, pages: 0 });
    if (relay === undefined) return;
    for (const collection of collections.filter(isOurs)) {
      jobs.addBackfill(commit, { collection, since, pages: 0 });
    }
  }

  /** Processes a part of a walk and queues the next one; a finished walk is repeated weekly. */
  async run(job: BackfillJob): Promise<void> {
    const { kv, jobs, log } = this.#deps;
    let { cursor, pages } = job;
    for (let i = 0; i < PAGES_AT_ONCE; i++) {
      const page = job.collection === undefined
        ? await this.#known(cursor)
        : await this.#atRelay(job.collection, cursor);
      await this.#list(page.dids, job.since);
      pages++;
      const isStuck = page.cursor === cursor || pages >= MAX_PAGES;
      cursor = isStuck ? undefined : page.cursor;
      if (cursor === undefined) break;
    }
    if (cursor === undefined) {
      const { collection } = job;
      log.info("accounts found to list", { collection, pages });
      await this.again(job);
    } else {
      const commit = kv.atomic();
      jobs.addBackfill(commit, { ...job, cursor, pages });
      await commit.commit();
    }
    jobs.wake();
  }

  /** Queues the next walk, in a week; known accounts are listed weekly anyway. */
  async again({ collection }: BackfillJob): Promise<void> {
    const { kv, clock, jobs } = this.#deps;
    if (collection === undefined) return;
    const since = clock.now();
    const commit = kv.atomic();
    jobs.addBackfill(commit, { collection, since, pages: 0 }, jobs.nextWeek());
    await commit.commit();
  }

  async #atRelay(
    collection: string,
    cursor: string | undefined,
  ): Promise<{ dids: readonly Did[]; cursor: string | undefined }> {
    const { relay } = this.#deps;
    if (relay === undefined) return { dids: [], cursor: undefined };
    return await relay.listRepos(collection, { cursor, limit: PAGE });
  }

  async #known(
    after: string | undefined,
  ): Promise<{ dids: readonly Did[]; cursor: string | undefined }> {
    const dids: Did[] = [];
    const from = after === undefined ? undefined : parseDid(after);
    for await (const { did } of this.#deps.accounts.list(PAGE, from)) {
      dids.push(did);
    }
    return { dids, cursor: dids.length === PAGE ? dids.at(-1) : undefined };
  }

  /** Adds accounts and queues their listing, except for those that were listed since. */
  async #list(dids: readonly Did[], since: number): Promise<void> {
    const { kv, accounts, jobs } = this.#deps;
    const rows = await accounts.getMany(dids);
    let commit = kv.atomic();
    let size = 0;
    for (const [i, did] of dids.entries()) {
      const row = rows[i];
      if (row === undefined) {
        await accounts.meet(did, (met) => jobs.addListing(met, did));
      } else if ((row.listedAt ?? 0) < since) {
        jobs.addListing(commit, did);
        if (++size < 200) continue;
        await commit.commit();
        [commit, size] = [kv.atomic(), 0];
      }
    }
    await commit.commit();
  }
}
