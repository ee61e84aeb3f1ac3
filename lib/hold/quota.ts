/**
 * How much each person may store: tiers, by the crew record.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { HoldAccess } from "./access.ts";
import type { LayerIndex, Usage } from "./layers/layer_index.ts";
import type { UploadAllowance } from "./uploads/upload_work.ts";

/** One tier. */
export interface Tier {
  readonly name: string;
  /** Bytes. */
  readonly quota: number;
}

/** What {@linkcode HoldQuota} needs. */
export interface HoldQuotaDeps {
  access: HoldAccess;
  layers: LayerIndex;
  /** In rising rank; none means that nothing is limited. */
  tiers: readonly Tier[];
  /** Tier of people without one, or with one that does not exist; without it they are not limited. */
  defaultTier: string | undefined;
}

/** What `io.atcr.hold.getQuota` answers. */
export interface QuotaReport extends Usage {
  readonly userDid: Did;
  /** Bytes; absent when nothing limits. */
  readonly limit?: number;
  readonly tier?: string;
}

/** Limits what people store. The captain is not limited. */
export class HoldQuota implements UploadAllowance {
  readonly #deps: HoldQuotaDeps;

  constructor(deps: HoldQuotaDeps) {
    this.#deps = deps;
  }

  /** What `user` stores and may store. */
  async report(user: Did): Promise<QuotaReport> {
    const usage = await this.#deps.layers.usage(user);
    const tier = await this.#tierOf(user);
    return {
      userDid: user,
      ...usage,
      ...(tier ? { limit: tier.quota, tier: tier.name } : {}),
    };
  }

  /** Bytes that `user` may still add; undefined when nothing limits. */
  async remaining(user: Did): Promise<number | undefined> {
    const tier = await this.#tierOf(user);
    if (!tier) return undefined;
    const { totalSize } = await this.#deps.layers.usage(user);
    return Math.max(0, tier.quota - totalSize);
  }

  /**
   * Throws AppError `QUOTA_EXCEEDED` when `layers` would take `user` beyond
   * the quota. What counts for the user already is free.
   */
  async require(
    user: Did,
    layers: readonly { digest: Digest; size: number }[],
  ): Promise<void> {
    const tier = await this.#tierOf(user);
    if (!tier) return;
    const sizes = new Map(layers.map(({ digest, size }) => [digest, size]));
    const owned = await this.#deps.layers.owned(user, [...sizes.keys()]);
    let added = 0;
    for (const [digest, size] of sizes) if (!owned.has(digest)) added += size;
    if (added === 0) return;
    const { totalSize } = await this.#deps.layers.usage(user);
    if (totalSize + added <= tier.quota) return;
    throw new AppError(
      "QUOTA_EXCEEDED",
      `${user} stores ${totalSize} bytes and adds ${added}, more than the ${tier.quota} bytes of the tier ${tier.name}; delete images or ask the captain for another tier.`,
      { detail: { limit: tier.quota, used: totalSize, added } },
    );
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
