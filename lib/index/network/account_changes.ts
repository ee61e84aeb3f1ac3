/**
 * Changes of known accounts: status, handle, deletion.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { RepoStatus } from "../../atproto/hosting/repo_status.ts";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import { isAppError } from "../../errors.ts";
import type { AccountHandler, AccountStatus } from "../record_change.ts";
import type { AccountNow } from "./account_look.ts";
import type { NetworkAccounts } from "./accounts.ts";
import type { NetworkJobs } from "./jobs.ts";
import type { CheckedChange, RecordLedger } from "./record_ledger.ts";

export interface AccountChangesDeps {
  readonly clock: Clock;
  readonly accounts: NetworkAccounts;
  readonly handlers: readonly AccountHandler[];
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly ledger: Pick<RecordLedger, "apply" | "records">;
  readonly jobs: NetworkJobs;
  /** Status, revision and PDS of the account; throws AppError when they cannot be queried. */
  readonly look: (did: Did) => Promise<AccountNow>;
}

/** Records of a deleted account removed by one run. */
const REMOVED_AT_ONCE = 5_000;

/** Reports changes to the parts of the index. */
export class AccountChanges {
  readonly #deps: AccountChangesDeps;

  constructor(deps: AccountChangesDeps) {
    this.#deps = deps;
  }

  /** Stores and reports a status; `at` in milliseconds since the Unix epoch. */
  async statusChanged(
    did: Did,
    status: AccountStatus,
    at: number,
  ): Promise<void> {
    const { accounts, handlers, jobs } = this.#deps;
    if (!await accounts.setStatus(did, status, at)) return;
    for (const handler of handlers) await handler.account(did, status, at);
    // Changes of an inactive account may not have been reported.
    if (status === "active") await jobs.listLater(did, 0);
    if (status === "deleted") await jobs.removeLater(did);
  }

  /** Resolves and reports the current handle. Throws AppError when it cannot be resolved. */
  async resolveIdentity(did: Did): Promise<void> {
    const { clock, handlers, identities } = this.#deps;
    let handle: string | undefined;
    try {
      // Results cached before the event do not count.
      const now = { fresh: true, maxAgeMs: 0 };
      ({ handle } = await identities.resolve(did, now));
    } catch (error) {
      // The account is gone, which is reported as its status.
      if (!isAppError(error, "NAME_UNKNOWN")) throw error;
    }
    const at = clock.now();
    for (const handler of handlers) await handler.identity(did, handle, at);
  }

  /**
   * Does as {@linkcode forget} if the account is deleted. One that still exists
   * becomes active again.
   */
  async remove(did: Did): Promise<boolean> {
    const { clock, look } = this.#deps;
    const { status } = await look(did);
    if (status !== "deleted") {
      await this.statusChanged(did, accountStatus(status), clock.now());
      return true;
    }
    return await this.forget(did);
  }

  /**
   * Removes the records of an account and the account itself, at most some
   * thousand records; returns true when nothing is left.
   */
  async forget(did: Did): Promise<boolean> {
    const { accounts, clock, ledger } = this.#deps;
    const gone: CheckedChange[] = [];
    for await (const record of ledger.records(did, REMOVED_AT_ONCE)) {
      const at = clock.now();
      const rest = { rev: undefined, cid: undefined, record: undefined };
      gone.push({ did, ...record, ...rest, at, valid: true });
    }
    await ledger.apply(did, gone);
    if (gone.length === REMOVED_AT_ONCE) return false;
    await accounts.forget(did);
    return true;
  }
}

/** An inactive account without a reason counts as deactivated. */
export function accountStatus(status: RepoStatus): AccountStatus {
  return status === "inactive" ? "deactivated" : status;
}
