/**
 * Dispatches events of the network to the parts of the index, in the order of
 * each account, for several accounts concurrently.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { JetstreamBatch } from "../../atproto/jetstream/jetstream.ts";
import type { JetstreamEvent } from "../../atproto/jetstream/jetstream_event.ts";
import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { AccountStatus } from "../record_change.ts";
import type { NetworkAccounts } from "./accounts.ts";
import type { AccountChanges } from "./account_changes.ts";
import { EventBudget } from "./event_budget.ts";
import type { NetworkJobs } from "./jobs.ts";
import type { NetworkObserver } from "./observer.ts";
import { isTakeable } from "./record_check.ts";
import type { CheckedChange, RecordLedger } from "./record_ledger.ts";

export interface DispatcherDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Collections of the index. */
  readonly collections: ReadonlySet<string>;
  readonly accounts: NetworkAccounts;
  readonly changes: AccountChanges;
  readonly ledger: Pick<RecordLedger, "apply">;
  readonly jobs: NetworkJobs;
  readonly observer: NetworkObserver;
}

type Commit = Extract<JetstreamEvent, { kind: "commit" }>;

/** Accounts processed concurrently. */
const PARALLEL = 200;
/** Changes of one account that are validated and applied together. */
const TOGETHER = 100;
/** Other events cause requests to other servers, so each counts as this many changes. */
const OTHER_COST = 50;
/** Delay of the listing after changes were skipped; milliseconds. */
const LIST_LATER_MS = 3_600_000;

/** Records of which only the last version matters; a hold writes one with each push. */
const LAST_ONLY: ReadonlySet<string> = new Set([HOLD_COLLECTIONS.stats]);

const STATUSES: ReadonlySet<string> = new Set<AccountStatus>([
  "deactivated",
  "suspended",
  "takendown",
  "deleted",
]);

/** Processes events of a stream. */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #budget = new EventBudget();

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /**
   * Applies the events of a batch and resolves when all are stored. Throws
   * AppError `UNAVAILABLE` or `STORAGE_FULL` when the store cannot be used; an
   * account that fails for another reason is listed later.
   */
  async take({ events, ignored }: JetstreamBatch): Promise<void> {
    const { accounts, collections, observer } = this.#deps;
    const counts = { commit: 0, identity: 0, account: 0, sync: 0, ignored };
    const byAccount = new Map<Did, JetstreamEvent[]>();
    for (const event of events) {
      if (event.kind === "commit" && !collections.has(event.collection)) {
        counts.ignored++;
        continue;
      }
      counts[event.kind]++;
      const ofAccount = byAccount.get(event.did) ?? [];
      ofAccount.push(event);
      byAccount.set(event.did, ofAccount);
    }
    observer.eventsTaken(counts);
    const known = await accounts.known([...byAccount.keys()]);
    await inParallel(byAccount, PARALLEL, async ([did, ofAccount]) => {
      // Unknown accounts become known only by a record of the index.
      const isKnown = known.has(did);
      const wanted = ofAccount.filter((event) =>
        isKnown || event.kind === "commit" && isOurs(event.collection)
      );
      if (wanted.length > 0) await this.#takeAccount(did, wanted, isKnown);
    });
  }

  async #takeAccount(
    did: Did,
    events: readonly JetstreamEvent[],
    isKnown: boolean,
  ): Promise<void> {
    const { accounts, jobs, log, observer } = this.#deps;
    try {
      // Its earlier records are found by a listing.
      if (!isKnown) {
        await accounts.meet(did, (commit) => jobs.addListing(commit, did));
        jobs.wake();
      }
      let commits: Commit[] = [];
      for (const event of events) {
        if (event.kind === "commit") {
          commits.push(event);
          if (commits.length < TOGETHER) continue;
        }
        await this.#takeCommits(did, commits);
        commits = [];
        if (event.kind !== "commit") await this.#takeOther(event);
      }
      await this.#takeCommits(did, commits);
    } catch (error) {
      if (isAppError(error, "UNAVAILABLE", "STORAGE_FULL")) throw error;
      observer.change("failed");
      log.error("changes of an account cannot be applied", { did, error });
      await jobs.listLater(did, LIST_LATER_MS);
    }
  }

  async #takeCommits(did: Did, commits: readonly Commit[]): Promise<void> {
    if (commits.length === 0) return;
    const { clock, jobs, ledger, observer } = this.#deps;
    const changes: CheckedChange[] = [];
    let leftOut = 0;
    for (const event of withoutReplaced(commits)) {
      const { collection, rkey, rev, cid, record } = event;
      const at = timeOf(event, clock);
      if (!this.#budget.take(did, at)) {
        observer.change("too_fast");
        leftOut++;
        continue;
      }
      const valid = event.operation === "delete" ||
        await isTakeable(collection, rkey, record);
      changes.push({ did, collection, rkey, rev, cid, at, record, valid });
    }
    if (leftOut > 0) await jobs.listLater(did, LIST_LATER_MS);
    await ledger.apply(did, changes);
  }

  async #takeOther(
    event: Exclude<JetstreamEvent, { kind: "commit" }>,
  ): Promise<void> {
    const { changes, clock, jobs, observer } = this.#deps;
    const { did } = event;
    const at = timeOf(event, clock);
    if (!this.#budget.take(did, at, OTHER_COST)) {
      observer.change("too_fast");
      return await jobs.listLater(did, LIST_LATER_MS);
    }
    switch (event.kind) {
      case "account":
        return await changes.statusChanged(did, statusOf(event), at);
      case "identity":
        return await jobs.identityChanged(did);
      case "sync":
        return await jobs.listLater(did, 0);
    }
  }
}

/** Without versions that a later one of the batch replaces, where only that matters. */
function withoutReplaced(commits: readonly Commit[]): readonly Commit[] {
  const last = new Map<string, Commit>();
  for (const commit of commits) {
    if (LAST_ONLY.has(commit.collection)) last.set(nameOf(commit), commit);
  }
  if (last.size === 0) return commits;
  return commits.filter((commit) =>
    (last.get(nameOf(commit)) ?? commit) === commit
  );
}

/** When the event happened, in whole milliseconds, as places in orders have them; never in the future. */
function timeOf({ timeUs }: JetstreamEvent, clock: Clock): number {
  return Math.min(Math.floor(timeUs / 1000), clock.now());
}

function nameOf({ collection, rkey }: Commit): string {
  return `${collection}/${rkey}`;
}

/** Whether a record of `collection` makes its account known. */
export function isOurs(collection: string): boolean {
  return collection.startsWith("io.atcr.");
}

function statusOf(
  { active, status = "" }: { active: boolean; status: string | undefined },
): AccountStatus {
  if (active) return "active";
  return STATUSES.has(status) ? status as AccountStatus : "deactivated";
}
