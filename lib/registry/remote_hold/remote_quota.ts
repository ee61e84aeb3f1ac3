/**
 * The quota of a remote hold, from its public `getQuota` and its layer records.
 * The published lexicons have no method to check one manifest, so a push is
 * refused only when the hold will certainly refuse it; otherwise the hold
 * decides when it receives the push event.
 *
 * @module
 */

import { z } from "zod";
import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Logger } from "../../log.ts";
import type { RemoteCalls } from "./remote_calls.ts";

const bytes = z.int().min(0);
const quotaSchema = z.object({ totalSize: bytes, limit: bytes.optional() });
const layerSchema = z.object({
  value: z.object({ digest: z.string(), size: bytes, userDid: z.string() }),
});
// A malformed record must not hide the others.
const pageSchema = z.object({
  records: z.array(z.unknown()).max(1_000),
  cursor: z.string().max(2_048).nullish(),
});

/** Maximum pages of 100 layer records, read only if the quota may be exceeded. */
const MAX_PAGES = 10;

/** Layers that a hold has recorded for one account. */
interface Recorded {
  /** Size by digest. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly isComplete: boolean;
}

/** Queries one hold. */
export class RemoteQuota {
  readonly #calls: RemoteCalls;
  readonly #log: Logger;

  constructor(calls: RemoteCalls, log: Logger) {
    this.#calls = calls;
    this.#log = log;
  }

  /** Throws AppError `QUOTA_EXCEEDED` when the hold will certainly refuse the manifest. */
  async admit({ owner, manifest }: PushEvent): Promise<void> {
    const layers = new Map(
      manifest.layers.map(({ digest, size }) => [digest, size]),
    );
    if (layers.size === 0) return;
    let excess: { used: number; limit: number; added: number } | undefined;
    try {
      excess = await this.#excess(owner, layers);
    } catch (error) {
      // A hold that does not respond decides when it receives the push event.
      const { did } = this.#calls;
      this.#log.debug("quota of a hold not known", { holdDid: did, error });
    }
    if (!excess) return;
    const { used, limit, added } = excess;
    throw new AppError(
      "QUOTA_EXCEEDED",
      `You use ${used} of ${limit} bytes on the hold ${this.#calls.did}, and ${added} more do not fit; delete images or ask its captain for a larger quota.`,
      { detail: { used, limit, added } },
    );
  }

  async #excess(
    owner: Did,
    layers: ReadonlyMap<string, number>,
  ): Promise<{ used: number; limit: number; added: number } | undefined> {
    const quota = await this.#calls.query(
      "io.atcr.hold.getQuota",
      { userDid: owner },
      quotaSchema,
    );
    if (quota?.limit === undefined) return undefined;
    const { limit, totalSize } = quota;
    const whole = sum(layers.values());
    if (totalSize + whole <= limit) return undefined;
    const recorded = await this.#recorded(owner);
    if (recorded && !recorded.isComplete) {
      return whole > limit ? { used: 0, limit, added: whole } : undefined;
    }
    // The part of the total beyond the records may be these very layers: some
    // holds count uploads before they receive the push event.
    const used = recorded ? sum(recorded.sizes.values()) : totalSize;
    const fresh = [...layers].filter(([digest]) =>
      !recorded?.sizes.has(digest)
    );
    const added = sum(fresh.map(([, size]) => size));
    return added > 0 && used + added > limit
      ? { used, limit, added }
      : undefined;
  }

  /** The layer records of `owner`; undefined when the hold does not list records. */
  async #recorded(owner: Did): Promise<Recorded | undefined> {
    const sizes = new Map<string, number>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.#calls.query(
        "com.atproto.repo.listRecords",
        {
          repo: this.#calls.did,
          collection: HOLD_COLLECTIONS.layer,
          limit: "100",
          ...(cursor === undefined ? {} : { cursor }),
        },
        pageSchema,
      );
      if (!answer) return undefined;
      for (const record of answer.records) {
        const { data } = layerSchema.safeParse(record);
        if (data?.value.userDid !== owner) continue;
        sizes.set(data.value.digest, data.value.size);
      }
      cursor = answer.cursor ?? undefined;
      if (cursor === undefined) return { sizes, isComplete: true };
    }
    return { sizes, isComplete: false };
  }
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
