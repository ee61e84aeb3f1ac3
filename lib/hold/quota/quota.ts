/**
 * Storage quotas: tiers by crew record.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { HoldAccess } from "../access.ts";
import { usedBytes } from "./account.ts";
import { Accounts } from "./accounts.ts";
import { Claims } from "./claims.ts";
import type { Refusal } from "./found_manifests.ts";
import { QuotaLedger } from "./ledger.ts";
import type { Limit } from "./quota_errors.ts";
import { QuotaRooms } from "./rooms.ts";

/** One tier. */
export type Tier = Limit;

export interface HoldQuotaDeps {
  kv: Kv;
  clock: Clock;
  access: HoldAccess;
  /** In ascending rank; without tiers there is no limit. */
  tiers: readonly Tier[];
  /** Tier of users without one, or with an unknown one; without it they are not limited. */
  defaultTier: string | undefined;
}

/** Output of `io.atcr.hold.getQuota`. */
export interface QuotaReport {
  readonly userDid: Did;
  /** Charged blobs that the user did not delete, each counted once. */
  readonly uniqueBlobs: number;
  /**
   * Their bytes, those reserved by unfinished uploads, and what exceeds the
   * limit of deleted bytes that await garbage collection.
   */
  readonly totalSize: number;
  /** Limit in bytes; absent when there is none. */
  readonly limit?: number;
  readonly tier?: string;
}

/** Enforces quotas. The captain is not limited. */
export class HoldQuota {
  readonly #deps: HoldQuotaDeps;
  readonly #accounts: Accounts;
  /** The charges. */
  readonly ledger: QuotaLedger;
  /** Reservations of uploads. */
  readonly rooms: QuotaRooms;

  constructor(deps: HoldQuotaDeps) {
    this.#deps = deps;
    const claims = new Claims(deps.kv);
    const accounts = new Accounts({ ...deps, claims });
    this.#accounts = accounts;
    const limitOf = (user: Did) => this.#tierOf(user);
    this.ledger = new QuotaLedger({ ...deps, claims, accounts, limitOf });
    this.rooms = new QuotaRooms({ ...deps, accounts, limitOf });
  }

  /** Usage and limit of `user`, the same figures that admission uses. */
  async report(user: Did): Promise<QuotaReport> {
    const account = await this.#accounts.account(user);
    const tier = await this.#tierOf(user);
    return {
      userDid: user,
      uniqueBlobs: account.blobs,
      totalSize: usedBytes(
        account,
        this.#deps.clock.now(),
        tier?.quota ?? Infinity,
      ),
      ...(tier ? { limit: tier.quota, tier: tier.name } : {}),
    };
  }

  /** Bytes that `user` may still add; undefined without a limit. */
  async remaining(user: Did): Promise<number | undefined> {
    const { limit, totalSize } = await this.report(user);
    return limit === undefined ? undefined : Math.max(0, limit - totalSize);
  }

  /** Whether `user` has a limit. */
  async isLimited(user: Did): Promise<boolean> {
    return await this.#tierOf(user) !== undefined;
  }

  /** Whether `user` has less than a user without a tier. */
  async isBelowDefault(user: Did): Promise<boolean> {
    const { quota = Infinity } = await this.#tierOf(user) ?? {};
    return quota < (this.#defaultTier()?.quota ?? Infinity);
  }

  /**
   * Charges the blobs of a manifest to `user` before it is written. Throws
   * AppError `QUOTA_EXCEEDED` when they exceed the limit; nothing is charged
   * then.
   */
  async admit(user: Did, digests: readonly Digest[]): Promise<void> {
    const tier = await this.#tierOf(user);
    // They are charged with the push event.
    if (!tier) return;
    await this.ledger.admit(user, digests, tier);
  }

  /**
   * Like {@linkcode admit}, for a manifest found in the repo of `user`: what
   * the account occupies anyway is charged beyond the limit too. Returns why it
   * must not be recorded, or undefined when all blobs are charged.
   */
  async adopt(
    user: Did,
    digests: readonly Digest[],
  ): Promise<Refusal | undefined> {
    const tier = await this.#tierOf(user);
    return tier && await this.ledger.found.adopt(user, digests, tier);
  }

  /** The tier at `rank` (from 0). Throws AppError `INVALID_REQUEST` when there is none. */
  tierAt(rank: number): Tier {
    const tier = this.#deps.tiers[rank];
    if (tier) return tier;
    throw new AppError(
      "INVALID_REQUEST",
      `Unknown tier ${rank}: this hold has ${this.#deps.tiers.length} tiers, ranked from 0.`,
    );
  }

  async #tierOf(user: Did): Promise<Tier | undefined> {
    const { access, tiers } = this.#deps;
    if (tiers.length === 0) return undefined;
    if ((await access.captain())?.owner === user) return undefined;
    const named = (await access.member(user))?.tier;
    return tiers.find(({ name }) => name === named) ?? this.#defaultTier();
  }

  #defaultTier(): Tier | undefined {
    const { tiers, defaultTier } = this.#deps;
    return tiers.find(({ name }) => name === defaultTier);
  }
}
