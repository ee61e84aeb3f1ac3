/**
 * What happens to known accounts: their status, their names, their end.
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
  /** What the network says of the account now; throws AppError when nobody can be asked. */
  readonly look: (did: Did) => Promise<AccountNow>;
}

/** Records of a deleted account that one run removes. */
const REMOVED_AT_ONCE = 5_000;

/** Tells the parts of the index. */
export class AccountChanges {
  readonly #deps: AccountChangesDeps;

  constructor(deps: AccountChangesDeps) {
    this.#deps = deps;
  }

  /** The account has this status since `at`, in milliseconds since the Unix epoch. */
  async statusChanged(
    did: Did,
    status: AccountStatus,
    at: number,
  ): Promise<void> {
    const { accounts, handlers, jobs } = this.#deps;
    if (!await accounts.setStatus(did, status, at)) return;
    for (const handler of handlers) await handler.account(did, status, at);
    // What changed while it was not shown was not reported.
    if (status === "active") await jobs.listLater(did, 0);
    if (status === "deleted") await jobs.removeLater(did);
  }

  /** Looks up the handle of the account as it is now. Throws AppError when nobody can be asked. */
  async resolveIdentity(did: Did): Promise<void> {
    const { clock, handlers, identities } = this.#deps;
    let handle: string | undefined;
    try {
      // What was learnt before the event does not count, however young.
      const now = { fresh: true, maxAgeMs: 0 };
      ({ handle } = await identities.resolve(did, now));
    } catch (error) {
      // The account is gone; its status is another event.
      if (!isAppError(error, "NAME_UNKNOWN")) throw error;
    }
    const at = clock.now();
    for (const handler of handlers) await handler.identity(did, handle, at);
  }

  /**
   * Removes what is known of a deleted account, at most some thousand records;
   * true when nothing is left. An account that exists after all is shown again.
   */
  async remove(did: Did): Promise<boolean> {
    const { accounts, clock, ledger, look } = this.#deps;
    const { status } = await look(did);
    if (status !== "deleted") {
      await this.statusChanged(did, accountStatus(status), clock.now());
      return true;
    }
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

/** Reasons that a PDS does not name count as those of the account. */
export function accountStatus(status: RepoStatus): AccountStatus {
  return status === "inactive" ? "deactivated" : status;
}
