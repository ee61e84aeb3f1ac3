/**
 * Lists an account's repo: takes what the stream did not bring, and finds out
 * what has gone.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { PdsReader, RepoRecord } from "../../atproto/pds/pds.ts";
import { type AccountChanges, accountStatus } from "./account_changes.ts";
import type { AccountNow } from "./account_look.ts";
import type { NetworkAccounts } from "./accounts.ts";
import { isOurs } from "./dispatcher.ts";
import { isTakeable } from "./record_check.ts";
import type { CheckedChange, RecordLedger } from "./record_ledger.ts";

export interface RepoListingDeps {
  readonly clock: Clock;
  /** What the network says of the account now; throws AppError when nobody can be asked. */
  readonly look: (did: Did) => Promise<AccountNow>;
  readonly pds: Pick<PdsReader, "listCollections" | "listRecords">;
  readonly accounts: NetworkAccounts;
  readonly changes: Pick<AccountChanges, "statusChanged">;
  readonly ledger: Pick<RecordLedger, "apply" | "recordsUpTo">;
  /** Collections that the index takes, in the order in which they are listed. */
  readonly collections: readonly string[];
  /** Records of one collection that are listed. */
  readonly maxRecords: number;
}

/** Records of a collection that is not ours, as of profiles, that are listed. */
const MAX_FOREIGN = 100;
/** One listing takes no longer; milliseconds. */
const LIMIT_MS = 600_000;

/** Lists repos. */
export class RepoListing {
  readonly #deps: RepoListingDeps;

  constructor(deps: RepoListingDeps) {
    this.#deps = deps;
  }

  /**
   * Lists the repo of `did`; says whether it is shown. Throws AppError when
   * its PDS cannot be asked, and `signal`'s reason.
   */
  async list(did: Did, signal: AbortSignal): Promise<"listed" | "hidden"> {
    const { accounts, changes, clock, ledger, pds } = this.#deps;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    const at = clock.now();
    const { status, rev, pds: origin } = await this.#deps.look(did);
    const before = await accounts.get(did);
    if (before?.status !== accountStatus(status)) {
      await changes.statusChanged(did, accountStatus(status), at);
    }
    if (status !== "active" || origin === undefined) return "hidden";
    const there = new Set(await pds.listCollections(origin, did, limit));
    for (const collection of this.#deps.collections) {
      const seen = there.has(collection)
        ? await this.#take({ did, collection, rev, origin }, limit)
        : new Set<string>();
      if (!seen || rev === undefined) continue;
      const gone: CheckedChange[] = [];
      for await (const rkey of ledger.recordsUpTo(did, collection, rev)) {
        if (seen.has(rkey)) continue;
        const rest = { rev, cid: undefined, record: undefined, valid: true };
        gone.push({ did, collection, rkey, at, ...rest });
      }
      await ledger.apply(did, gone);
    }
    await accounts.setListed(did);
    return "listed";
  }

  /** Takes the records of a collection; returns their keys, or undefined when there are too many. */
  async #take(
    { did, collection, rev, origin }: {
      did: Did;
      collection: string;
      rev: string | undefined;
      origin: string;
    },
    signal: AbortSignal,
  ): Promise<Set<string> | undefined> {
    const { clock, ledger, pds, maxRecords } = this.#deps;
    const most = isOurs(collection) ? maxRecords : MAX_FOREIGN;
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      signal.throwIfAborted();
      const page = await pds.listRecords(origin, did, collection, {
        ...(cursor === undefined ? {} : { cursor }),
        signal,
      });
      const before = seen.size;
      const at = clock.now();
      const changes: CheckedChange[] = [];
      for (const { uri, cid, value: record } of page.records) {
        const rkey = rkeyOf({ uri });
        seen.add(rkey);
        const valid = await isTakeable(collection, rkey, record);
        changes.push({ did, collection, rkey, rev, cid, at, record, valid });
      }
      await ledger.apply(did, changes);
      // A server that gives the same page again would never end.
      cursor = seen.size > before ? page.cursor : undefined;
      if (seen.size >= most && cursor !== undefined) return undefined;
    } while (cursor !== undefined);
    return seen;
  }
}

function rkeyOf({ uri }: Pick<RepoRecord, "uri">): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}
