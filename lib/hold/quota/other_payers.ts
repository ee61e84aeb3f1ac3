/**
 * Other accounts that are charged for a blob, so that the charge of one that
 * no longer needs it may end.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Accounts } from "./accounts.ts";
import type { Blob, Claims } from "./claims.ts";

export interface OtherPayersDeps {
  readonly accounts: Accounts;
  readonly claims: Claims;
}

/**
 * Finds accounts whose manifests need a blob. An account that only uploaded it
 * does not count: otherwise two accounts could release each other.
 */
export class OtherPayers {
  readonly #deps: OtherPayersDeps;
  readonly #charge: (user: Did, blob: Blob) => Promise<boolean>;

  /** @param charge charges a blob; returns false when the quota has no room. */
  constructor(
    deps: OtherPayersDeps,
    charge: (user: Did, blob: Blob) => Promise<boolean>,
  ) {
    this.#deps = deps;
    this.#charge = charge;
  }

  /** Whether an account other than `user` needs the blob and is charged for it. */
  async pay(user: Did, digest: Digest): Promise<boolean> {
    const { accounts, claims } = this.#deps;
    for (const other of await claims.otherOwners(user, digest)) {
      const charges = await accounts.counting(other, [digest]);
      if (charges.length > 0) return true;
    }
    return false;
  }

  /**
   * Like {@linkcode pay}, after charging one of those that need the blob if
   * none was: a manifest may have named it before it was stored.
   */
  async settle(user: Did, blob: Blob): Promise<boolean> {
    if (await this.pay(user, blob.digest)) return true;
    const { claims } = this.#deps;
    for (const other of await claims.otherOwners(user, blob.digest)) {
      if (await this.#charge(other, blob)) return true;
    }
    return false;
  }
}
