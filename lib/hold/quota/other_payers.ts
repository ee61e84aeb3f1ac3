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
    for await (const other of claims.owners(digest)) {
      if (other === user) continue;
      const charges = await accounts.counting(other, [digest]);
      if (charges.length > 0) return true;
    }
    return false;
  }

  /**
   * Whether accounts other than `user` were charged for the blob and all of
   * them deleted it: those that uploaded it and those whose manifests need it.
   */
  async left(user: Did, digest: Digest): Promise<boolean> {
    const { accounts, claims } = this.#deps;
    let isLeft = false;
    for (const list of [claims.uploaders(digest), claims.owners(digest)]) {
      for await (const other of list) {
        if (other === user) continue;
        const [charge] = await accounts.charges(other, [digest]);
        if (charge && !charge.deleted) return false;
        if (charge) isLeft = true;
      }
    }
    return isLeft;
  }

  /**
   * Like {@linkcode pay}, after charging one of those that need the blob if
   * none was: a manifest may have named it before it was stored.
   */
  async settle(user: Did, blob: Blob): Promise<boolean> {
    if (await this.pay(user, blob.digest)) return true;
    const { claims } = this.#deps;
    for await (const other of claims.owners(blob.digest)) {
      if (other !== user && await this.#charge(other, blob)) return true;
    }
    return false;
  }
}
