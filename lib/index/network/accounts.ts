/**
 * Accounts known to the index.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type { AccountStatus } from "../record_change.ts";
import { networkKeys } from "./kv_keys.ts";

/** Row of an account; times in milliseconds since the Unix epoch. */
export interface AccountRow {
  readonly status: AccountStatus;
  /** When the status was reported. */
  readonly statusAt: number;
  /** When its repo was last listed as a whole. */
  readonly listedAt?: number;
}

const REMEMBERED = 50_000;
const REMEMBERED_MS = 600_000;
const ATTEMPTS = 5;

/** Rows of accounts. */
export class NetworkAccounts {
  readonly #kv: Kv;
  readonly #clock: Clock;
  /** Cache of known accounts. */
  readonly #known = new LRUCache<Did, true>({
    max: REMEMBERED,
    // Another instance may have removed it.
    ttl: REMEMBERED_MS,
  });

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  async get(did: Did): Promise<AccountRow | undefined> {
    return (await this.#kv.get<AccountRow>(networkKeys.account(did)))?.value;
  }

  async getMany(dids: readonly Did[]): Promise<(AccountRow | undefined)[]> {
    const rows = await this.#kv.getMany<AccountRow>(
      dids.map(networkKeys.account),
    );
    return rows.map((entry) => entry?.value);
  }

  /** Those of `dids` that are known. */
  async known(dids: readonly Did[]): Promise<Set<Did>> {
    const asked = dids.filter((did) => !this.#known.has(did));
    const rows = await this.getMany(asked);
    for (const [i, did] of asked.entries()) {
      if (rows[i]) this.#known.set(did, true);
    }
    return new Set(dids.filter((did) => this.#known.has(did)));
  }

  /** Adds an account, with what `add` adds to the commit; does nothing if it is known. */
  async meet(did: Did, add: (commit: Atomic) => void): Promise<void> {
    const key = networkKeys.account(did);
    const row: AccountRow = { status: "active", statusAt: 0 };
    const commit = this.#kv.atomic().check(key, null).set(key, row)
      .sum(networkKeys.accountsMet(), 1n);
    add(commit);
    await commit.commit();
    this.#known.set(did, true);
  }

  /** Stores a status as of `at`; false if it or a later one is stored, or the account is unknown. */
  async setStatus(
    did: Did,
    status: AccountStatus,
    at: number,
  ): Promise<boolean> {
    return await this.#change(
      did,
      (row) => {
        const isSame = at === row.statusAt && status === row.status;
        if (at < row.statusAt || isSame) return undefined;
        return { ...row, status, statusAt: at };
      },
    );
  }

  /** Stores that the repo was listed now. */
  async setListed(did: Did): Promise<void> {
    const listedAt = this.#clock.now();
    await this.#change(did, (row) => ({ ...row, listedAt }));
  }

  /** Removes an account. */
  async forget(did: Did): Promise<void> {
    this.#known.delete(did);
    await this.#kv.atomic().delete(networkKeys.account(did))
      .delete(networkKeys.recordCount(did)).commit();
  }

  /** Known accounts after `after`, ordered by DID, at most `limit`. */
  async *list(
    limit: number,
    after?: Did,
  ): AsyncGenerator<{ readonly did: Did; readonly row: AccountRow }> {
    const rows = this.#kv.list<AccountRow>(networkKeys.accounts(after), {
      limit,
    });
    for await (const { key, value } of rows) {
      yield { did: String(key.at(-1)) as Did, row: value };
    }
  }

  /** Counter that increases with each account added. */
  met(): Promise<bigint> {
    return this.#kv.counter(networkKeys.accountsMet());
  }

  async #change(
    did: Did,
    next: (row: AccountRow) => AccountRow | undefined,
  ): Promise<boolean> {
    const key = networkKeys.account(did);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry: Entry<AccountRow> | undefined = await this.#kv.get(key);
      const row = entry && next(entry.value);
      if (!entry || !row) return false;
      const done = await this.#kv.atomic().check(key, entry.versionstamp)
        .set(key, row).commit();
      if (done) return true;
    }
    throw new Error(`The row of ${did} changes too often`);
  }
}
