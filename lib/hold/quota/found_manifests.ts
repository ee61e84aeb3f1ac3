/**
 * Charges the blobs of manifests that were found in the repos of their owners.
 * Unlike a push such a manifest may be served already, so what the account
 * occupies anyway is charged beyond its limit too: pushes are refused then until
 * it deletes something.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { type AppError, isAppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { occupiedBytes } from "./account.ts";
import { type Accounts, CHARGE_BATCH } from "./accounts.ts";
import { type Blob, type Claims, sizeOf } from "./claims.ts";
import type { OtherPayers } from "./other_payers.ts";
import type { Limit } from "./quota_errors.ts";

export interface FoundManifestsDeps {
  readonly accounts: Accounts;
  readonly claims: Claims;
  readonly clock: Clock;
  readonly payers: Pick<OtherPayers, "left">;
  /** Throws AppError `QUOTA_EXCEEDED`. */
  readonly admit: (
    user: Did,
    digests: readonly Digest[],
    limit: Limit,
  ) => Promise<void>;
}

/** Why a manifest is not recorded. */
export interface Refusal {
  /** `QUOTA_EXCEEDED` */
  readonly error: AppError;
  /** Blobs that stay: accounts are charged for them, if it is known who uploaded them. */
  readonly kept: readonly Digest[];
}

/** Charges blobs of found manifests. */
export class FoundManifests {
  readonly #deps: FoundManifestsDeps;

  constructor(deps: FoundManifestsDeps) {
    this.#deps = deps;
  }

  /**
   * Charges `digests` to `user` within `limit`. When they do not fit, blobs that
   * `user` deleted and that are still stored are charged again, and those that
   * all others deleted are charged while the account occupies at most twice its
   * quota. Returns undefined when all are charged.
   */
  async adopt(
    user: Did,
    digests: readonly Digest[],
    limit: Limit,
  ): Promise<Refusal | undefined> {
    try {
      await this.#deps.admit(user, digests, limit);
      return undefined;
    } catch (error) {
      if (!isAppError(error, "QUOTA_EXCEEDED")) throw error;
      const unpaid = await this.#chargeBeyond(user, digests, limit);
      return unpaid && {
        error,
        kept: digests.filter((digest) => !unpaid.lost.has(digest)),
      };
    }
  }

  /** Returns the blobs that no account is charged for; undefined when all are charged to `user`. */
  async #chargeBeyond(
    user: Did,
    digests: readonly Digest[],
    { quota }: Limit,
  ): Promise<{ lost: ReadonlySet<Digest> } | undefined> {
    const { accounts, claims, payers } = this.#deps;
    const fresh = await accounts.uncharged(user, await claims.sized(digests));
    const own = fresh.filter(({ deleted }) => deleted);
    for (let i = 0; i < own.length; i += CHARGE_BATCH) {
      await this.#charge(user, own.slice(i, i + CHARGE_BATCH), Infinity);
    }
    const lost = new Set<Digest>();
    let charged = own.length;
    for (const blob of fresh) {
      if (blob.deleted || !await payers.left(user, blob.digest)) continue;
      if (await this.#charge(user, [blob], 2 * quota)) charged++;
      else lost.add(blob.digest);
    }
    return charged === fresh.length ? undefined : { lost };
  }

  /** Charges `blobs` unless the account then occupies more than `most` bytes; returns whether it did. */
  #charge(user: Did, blobs: readonly Blob[], most: number): Promise<boolean> {
    const { accounts, clock } = this.#deps;
    return accounts.change(user, async (account) => {
      const charge = await accounts.uncharged(user, blobs);
      const added = sizeOf(charge.filter(({ deleted }) => !deleted));
      const occupied = occupiedBytes(account, clock.now());
      if (occupied + added > most) return { result: false };
      return charge.length === 0
        ? { result: true }
        : { account, charge, result: true };
    });
  }
}
