/**
 * Lists an account's repo: applies what the stream did not deliver, and finds
 * deleted records.
 *
 * @module
 */

import { isValidRecordKey } from "@atproto/syntax";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import { type AccountChanges, accountStatus } from "./account_changes.ts";
import type { AccountNow } from "./account_look.ts";
import type { NetworkAccounts } from "./accounts.ts";
import { isOurs } from "./dispatcher.ts";
import { isTakeable } from "./record_check.ts";
import type { CheckedChange, RecordLedger } from "./record_ledger.ts";

export interface RepoListingDeps {
  readonly clock: Clock;
  /** Status, revision and PDS of the account; throws AppError when they cannot be queried. */
  readonly look: (did: Did) => Promise<AccountNow>;
  readonly pds: Pick<PdsReader, "listCollections" | "listRecords">;
  readonly accounts: NetworkAccounts;
  readonly changes: Pick<AccountChanges, "statusChanged">;
  readonly ledger: Pick<RecordLedger, "apply" | "recordsUpTo">;
  /** Collections of the index, in the order in which they are listed. */
  readonly collections: readonly string[];
  /** Most records listed of one collection. */
  readonly maxRecords: number;
}

/** Most records listed of a foreign collection, such as profiles. */
const MAX_FOREIGN = 100;
/** Longest CID accepted; those in use have 59 characters. */
const MAX_CID = 200;
/** Longest duration of a listing; milliseconds. */
const LIMIT_MS = 600_000;

/** Lists repos. */
export class RepoListing {
  readonly #deps: RepoListingDeps;

  constructor(deps: RepoListingDeps) {
    this.#deps = deps;
  }

  /**
   * Lists the repo of `did`; returns whether the account is active. Throws
   * AppError when its PDS cannot be queried, and `signal`'s reason.
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

  /** Applies the records of a collection; returns their keys, or undefined if not all could be listed. */
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
        const rkey = uri.slice(uri.lastIndexOf("/") + 1);
        if (!isValidRecordKey(rkey) || cid.length > MAX_CID) continue;
        seen.add(rkey);
        const valid = await isTakeable(collection, rkey, record);
        changes.push({ did, collection, rkey, rev, cid, at, record, valid });
      }
      await ledger.apply(did, changes);
      ({ cursor } = page);
      const isStuck = seen.size === before || seen.size >= most;
      if (isStuck && cursor !== undefined) return undefined;
    } while (cursor !== undefined);
    // The PDS says that there are records, but none was of this repo.
    return seen.size === 0 ? undefined : seen;
  }
}
