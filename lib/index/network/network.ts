/**
 * Follows the network for the index: processes streams, lists repos, and passes
 * changes to the parts of the index.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { RepoDirectory } from "../../atproto/hosting/repo_directory.ts";
import type { RepoHead } from "../../atproto/hosting/repo_status.ts";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { JetstreamBatch } from "../../atproto/jetstream/jetstream.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import { isAppError } from "../../errors.ts";
import type { JobRun } from "../../kv/jobs/job_handler.ts";
import type { JobRunner } from "../../kv/jobs/job_runner.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type {
  AccountHandler,
  RecordChange,
  RecordHandler,
} from "../record_change.ts";
import { AccountChanges } from "./account_changes.ts";
import { lookAtAccount } from "./account_look.ts";
import { NetworkAccounts } from "./accounts.ts";
import { Backfill } from "./backfill.ts";
import { Dispatcher, isOurs } from "./dispatcher.ts";
import { type BackfillJob, NETWORK_JOBS, NetworkJobs } from "./jobs.ts";
import { networkKeys } from "./kv_keys.ts";
import type { NetworkObserver } from "./observer.ts";
import { RecordLedger } from "./record_ledger.ts";
import { RepoListing } from "./repo_listing.ts";

export interface NetworkDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runner: Pick<JobRunner, "register" | "wake">;
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly heads: { head(pds: string, did: Did): Promise<RepoHead> };
  readonly pds: Pick<PdsReader, "listCollections" | "listRecords">;
  /** Relay to find accounts at; undefined: they are found by the streams only. */
  readonly relay: Pick<RepoDirectory, "listRepos"> | undefined;
  readonly records: readonly RecordHandler[];
  readonly accounts: readonly AccountHandler[];
  readonly observer: NetworkObserver;
  /** Most records followed of one account. */
  readonly maxRecords: number;
}

/** Follows the network for the parts of the index. */
export class IndexNetwork {
  /** Collections of all parts; manifests come before tags. */
  readonly collections: readonly string[];
  readonly accounts: NetworkAccounts;
  readonly #deps: NetworkDeps;
  readonly #jobs: NetworkJobs;
  readonly #ledger: RecordLedger;
  readonly #dispatcher: Dispatcher;
  readonly #changes: AccountChanges;
  readonly #listing: RepoListing;
  readonly #backfill: Backfill;

  /** Registers its jobs with the runner; starts nothing. */
  constructor(deps: NetworkDeps) {
    this.#deps = deps;
    const { kv, clock, records, maxRecords, observer, runner } = deps;
    this.collections = [...new Set(records.flatMap((one) => one.collections))]
      .toSorted();
    this.accounts = new NetworkAccounts(kv, clock);
    this.#jobs = new NetworkJobs({ ...deps, wake: () => runner.wake() });
    this.#ledger = new RecordLedger({
      kv,
      clock,
      observer,
      maxRecords,
      apply: handOut(records),
    });
    const parts = {
      ...deps,
      ledger: this.#ledger,
      jobs: this.#jobs,
      accounts: this.accounts,
      collections: this.collections,
      look: (did: Did) => lookAtAccount(deps, did),
    };
    this.#changes = new AccountChanges({ ...parts, handlers: deps.accounts });
    const changes = this.#changes;
    this.#dispatcher = new Dispatcher({
      ...parts,
      changes,
      collections: new Set(this.collections),
    });
    this.#listing = new RepoListing({ ...parts, changes });
    this.#backfill = new Backfill(parts);
    this.#register();
  }

  /** Processes events of a stream; see {@linkcode Dispatcher.take}. */
  async take(batch: JetstreamBatch): Promise<void> {
    await this.#dispatcher.take(batch);
  }

  /** Queues the listing of all accounts if more collections are followed than before. */
  async noteCollections(): Promise<void> {
    const { kv } = this.#deps;
    const key = networkKeys.collections();
    const before = await kv.get<readonly string[]>(key);
    const known = new Set(before?.value);
    const isNew = this.collections.some((one) => !known.has(one));
    if (!isNew && known.size === this.collections.length) return;
    const commit = kv.atomic().check(key, before?.versionstamp ?? null)
      .set(key, this.collections);
    if (isNew) this.listAll(commit);
    await commit.commit();
  }

  /** Adds the listing of all accounts to `commit`, after events were missed or at the first start. */
  listAll(commit: Atomic): void {
    this.#backfill.begin(commit);
  }

  #register(): void {
    const { runner } = this.#deps;
    const { list, identity, remove, backfill } = NETWORK_JOBS;
    runner.register(list, ({ did }, run) => this.#list(did, run));
    runner.register(
      identity,
      ({ did }) => this.#changes.resolveIdentity(did),
    );
    runner.register(remove, async ({ did }) => {
      if (!await this.#changes.remove(did)) await this.#jobs.removeLater(did);
    });
    runner.register(backfill, (job, run) => this.#find(job, run));
  }

  async #find(job: BackfillJob, { attempt }: JobRun): Promise<void> {
    try {
      await this.#backfill.run(job);
    } catch (error) {
      const isLast = attempt >= NETWORK_JOBS.backfill.maxAttempts;
      if (!isLast || !isAppError(error)) throw error;
      const { collection } = job;
      this.#deps.log.warn("accounts cannot be found", { collection, error });
      await this.#backfill.again(job);
    }
  }

  async #list(did: Did, { attempt, signal }: JobRun): Promise<void> {
    const { log, observer } = this.#deps;
    // It was removed meanwhile.
    if (await this.accounts.get(did) === undefined) return;
    try {
      const outcome = await this.#listing.list(did, signal);
      observer.listed(outcome);
      const account = await this.accounts.get(did);
      if (account?.status === "deleted") {
        return await this.#jobs.removeLater(did);
      }
      if (outcome === "listed" && await this.#isEmpty(did)) {
        // Whatever made it known is gone, or never was valid.
        await this.#changes.forget(did);
        return;
      }
    } catch (error) {
      const isLast = attempt >= NETWORK_JOBS.list.maxAttempts;
      if (signal.aborted || !isLast || !isAppError(error)) throw error;
      observer.listed("failed");
      log.warn("a repo cannot be listed", { did, error });
    }
    await this.#jobs.listNextWeek(did);
  }

  async #isEmpty(did: Did): Promise<boolean> {
    return !await this.#ledger.hasAny(did, this.collections.filter(isOurs));
  }
}

/** Passes changes of one account to the parts that process their collections, in sequence. */
function handOut(
  handlers: readonly RecordHandler[],
): (did: Did, changes: readonly RecordChange[]) => Promise<void> {
  const parts = handlers.map((handler) => ({
    handler,
    collections: new Set(handler.collections),
  }));
  return async (did, changes) => {
    for (const { handler, collections } of parts) {
      const some = changes.filter(({ collection }) =>
        collections.has(collection)
      );
      if (some.length > 1 && handler.applyTogether) {
        await handler.applyTogether(did, some);
      } else for (const change of some) await handler.apply(change);
    }
  };
}
