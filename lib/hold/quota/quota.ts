/**
 * How much each person may store: tiers, by the crew record.
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
import { QuotaLedger } from "./ledger.ts";
import type { Limit } from "./quota_errors.ts";
import { QuotaRooms } from "./rooms.ts";

/** One tier. */
export type Tier = Limit;

export interface HoldQuotaDeps {
  kv: Kv;
  clock: Clock;
  access: HoldAccess;
  /** In rising rank; none means that nothing is limited. */
  tiers: readonly Tier[];
  /** Tier of people without one, or with one that does not exist; without it they are not limited. */
  defaultTier: string | undefined;
}

/** What `io.atcr.hold.getQuota` answers. */
export interface QuotaReport {
  readonly userDid: Did;
  /** Blobs that count, each once however many manifests need it. */
  readonly uniqueBlobs: number;
  /** Their bytes, and those that unfinished uploads have reserved. */
  readonly totalSize: number;
  /** Bytes; absent when nothing limits. */
  readonly limit?: number;
  readonly tier?: string;
}

/** Limits what people store. The captain is not limited. */
export class HoldQuota {
  readonly #deps: HoldQuotaDeps;
  readonly #accounts: Accounts;
  /** Which blobs count for whom. */
  readonly ledger: QuotaLedger;
  /** Room for uploads. */
  readonly rooms: QuotaRooms;

  constructor(deps: HoldQuotaDeps) {
    this.#deps = deps;
    const claims = new Claims(deps.kv);
    const accounts = new Accounts({ ...deps, claims });
    this.#accounts = accounts;
    this.ledger = new QuotaLedger({ ...deps, claims, accounts });
    this.rooms = new QuotaRooms({
      ...deps,
      accounts,
      limitOf: (user) => this.#tierOf(user),
    });
  }

  /** What `user` stores and may store; uploads are admitted by the same figures. */
  async report(user: Did): Promise<QuotaReport> {
    const account = await this.#accounts.account(user);
    const tier = await this.#tierOf(user);
    return {
      userDid: user,
      uniqueBlobs: account.blobs,
      totalSize: usedBytes(account, this.#deps.clock.now()),
      ...(tier ? { limit: tier.quota, tier: tier.name } : {}),
    };
  }

  /** Bytes that `user` may still add; undefined when nothing limits. */
  async remaining(user: Did): Promise<number | undefined> {
    const { limit, totalSize } = await this.report(user);
    return limit === undefined ? undefined : Math.max(0, limit - totalSize);
  }

  /** Whether anything limits what `user` may store. */
  async isLimited(user: Did): Promise<boolean> {
    return await this.#tierOf(user) !== undefined;
  }

  /**
   * Lets the blobs of a manifest count for `user` before it is written. Throws
   * AppError `QUOTA_EXCEEDED` when those that do not count yet are too many;
   * nothing is charged then.
   */
  async admit(user: Did, digests: readonly Digest[]): Promise<void> {
    const tier = await this.#tierOf(user);
    // They are counted with the notification.
    if (!tier) return;
    await this.ledger.admit(user, digests, tier);
  }

  /** The tier at `rank` (from 0). Throws AppError `INVALID_REQUEST` when there is none. */
  tierAt(rank: number): Tier {
    const tier = this.#deps.tiers[rank];
    if (tier) return tier;
    throw new AppError(
      "INVALID_REQUEST",
      `The hold has ${this.#deps.tiers.length} tiers, ranked from 0; ${rank} is none of them.`,
    );
  }

  async #tierOf(user: Did): Promise<Tier | undefined> {
    const { access, tiers, defaultTier } = this.#deps;
    if (tiers.length === 0) return undefined;
    if ((await access.captain())?.owner === user) return undefined;
    const named = (await access.member(user))?.tier;
    return tiers.find(({ name }) => name === named) ??
      tiers.find(({ name }) => name === defaultTier);
  }
}
