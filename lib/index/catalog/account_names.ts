/**
 * Names of accounts for lists, and accounts by the names that people write.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { parseOwner } from "../../oci/name.ts";
import { quote } from "../../text.ts";
import type { OwnerNames } from "../search/owner_names.ts";

/** An account as lists name it. */
export interface AccountName {
  readonly did: Did;
  /** Undefined where none is known to lead to the account. */
  readonly handle: string | undefined;
  readonly displayName: string | undefined;
}

/** Names by DID; complete for the accounts that were asked for. */
export interface NamesOfAccounts {
  readonly of: (did: Did) => AccountName;
}

/** Finds accounts and their names in the index alone, so that no other server is asked. */
export class AccountNames {
  readonly #owners: Pick<OwnerNames, "get" | "byHandle">;

  constructor(owners: Pick<OwnerNames, "get" | "byHandle">) {
    this.#owners = owners;
  }

  /**
   * The account with this handle or DID. Throws AppError `NAME_INVALID` for
   * neither, and `NAME_UNKNOWN` for a handle that is not known here.
   */
  async find(text: string): Promise<Did> {
    const owner = parseOwner(text);
    if (owner.kind === "did") return owner.value;
    const did = await this.#owners.byHandle(owner.value);
    if (did !== undefined) return did;
    throw new AppError(
      "NAME_UNKNOWN",
      `No account with the handle ${quote(owner.value)} is known here.`,
    );
  }

  /** The names of accounts; one read for all of them. */
  async read(dids: Iterable<Did>): Promise<NamesOfAccounts> {
    const all = [...new Set(dids)];
    const rows = await this.#owners.get(all);
    const names = new Map(
      all.map((did, i): [Did, AccountName] => [did, {
        did,
        handle: rows[i]?.handle,
        displayName: rows[i]?.displayName,
      }]),
    );
    return {
      of: (did) =>
        names.get(did) ?? { did, handle: undefined, displayName: undefined },
    };
  }
}
