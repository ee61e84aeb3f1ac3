/**
 * Evicts the least used variants to keep stored pictures within byte budgets,
 * but never variants that an instance may still redirect a client to.
 *
 * @module
 */

import { SingleFlight } from "../../async/single_flight.ts";
import { type Clock, endsWithin, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import {
  allImages,
  allVariants,
  countedAtKey,
  EVICTION_LEASE,
  imageKey,
  ORIGINAL,
  storedBytesKey,
  strayKeys,
  variantKey,
  variantKeys,
  variantLease,
} from "../kv_keys.ts";
import { originalKey, variantObjectKey } from "../picture_keys.ts";
import type { AvatarOptions } from "../options.ts";
import type { ImageRow, VariantRow } from "../picture_rows.ts";
import { ANNOUNCED_MS, type VariantRows } from "./variant_rows.ts";
import type { Lease } from "../../kv/held_lease.ts";

export interface EvictionDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: BlobStore;
  readonly rows: VariantRows;
}

/**
 * An instance caches that a variant is stored for ten minutes, and records a
 * use every ten minutes; five more are for clients following a redirect.
 */
const IDLE_MS = 25 * 60_000;

/** Share of the total budget that is used after an eviction. */
const TARGET = 0.9;
/** Variants compared at a time; the least used half of them is evicted. */
const SAMPLE = 2_000;
const MAX_ROUNDS = 50;
/** Maximum variants of one picture that are compared. */
const MAX_OF_PICTURE = 1_000;
/** Stray objects removed per run. */
const MAX_STRAYS = 1_000;
const LEASE_MS = 10_000;
const REST_MS = 60_000;
/** How often the stored bytes are counted from the rows. */
const RECOUNT_MS = 7 * 86_400_000;

type Candidate = Entry<VariantRow> & {
  did: Did;
  cid: string;
  name: string;
};

/** Removes variants. */
export class Eviction {
  readonly #deps: EvictionDeps;
  readonly #options: Pick<AvatarOptions, "maxStoredBytes">;
  readonly #flights = new SingleFlight();
  /** Until when no search is made, because the last one found nothing. */
  #restUntil = 0;

  constructor(
    deps: EvictionDeps,
    options: Pick<AvatarOptions, "maxStoredBytes">,
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Whether the budget of all pictures is exceeded; starts evicting the least used variants. */
  async isFull(): Promise<boolean> {
    const { rows, log, clock } = this.#deps;
    if (await rows.total() <= this.#options.maxStoredBytes) return false;
    if (endsWithin(this.#restUntil, REST_MS, clock.now())) return true;
    this.run().catch((error) => log.warn("pictures not evicted", { error }));
    return true;
  }

  /**
   * Evicts idle variants of a picture until the others have at most `maxBytes`
   * bytes; returns whether they do.
   */
  async shrink(did: Did, cid: string, maxBytes: number): Promise<boolean> {
    const { rows, kv } = this.#deps;
    let bytes = await rows.bytesOf(did, cid);
    if (bytes <= maxBytes) return true;
    const found = kv.list<VariantRow>(variantKeys(did, cid), {
      limit: MAX_OF_PICTURE,
    });
    const candidates = await Array.fromAsync(found, candidateOf);
    for (const candidate of this.#idle(candidates)) {
      if (!await this.#evict(candidate)) continue;
      bytes -= candidate.value.size;
      if (bytes <= maxBytes) return true;
    }
    return false;
  }

  /** Evicts the least used variants while the budget is exceeded; returns the number removed. */
  async run(): Promise<number> {
    return await this.#flights.run("evict", undefined, () => this.#run());
  }

  async #run(): Promise<number> {
    const { kv, clock, rows, log } = this.#deps;
    const { maxStoredBytes } = this.#options;
    const lease = await acquireLease(kv, clock, EVICTION_LEASE, {
      ttlMs: LEASE_MS,
    });
    if (lease === undefined) return 0;
    let evicted = 0;
    try {
      await this.#recount();
      let total = await rows.total();
      if (total <= maxStoredBytes) return 0;
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const { sample, isAll } = await this.#sample();
        const idle = this.#idle(sample);
        const chosen = isAll ? idle : idle.slice(0, Math.ceil(SAMPLE / 2));
        let removed = 0;
        for (const candidate of chosen) {
          if (lease.signal.aborted) return evicted;
          if (!await this.#evict(candidate)) continue;
          removed++;
          evicted++;
          total = await rows.total();
          if (total <= maxStoredBytes * TARGET) return evicted;
        }
        if (removed === 0 || isAll) return evicted;
      }
      return evicted;
    } finally {
      if (evicted === 0) this.#restUntil = clock.now() + REST_MS;
      if (evicted > 0) log.info("pictures evicted", { variants: evicted });
      await lease.release();
    }
  }

  /** Removes stray objects that are due; returns the number removed. */
  async sweepStrays(): Promise<number> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    const due = kv.list<true>(strayKeys, { limit: MAX_STRAYS });
    let removed = 0;
    for await (const { key } of due) {
      // Later ones were written by a fast clock.
      if (endsWithin(Number(key[2]), ANNOUNCED_MS, now)) continue;
      const [did, cid, name] = [String(key[3]), String(key[4]), String(key[5])];
      const gone = await this.#removeStray(did as Did, cid, name);
      if (gone === undefined) continue; // being rendered now
      await kv.delete(key);
      if (gone) removed++;
    }
    return removed;
  }

  /** Removes an object unless a row refers to it; undefined when that is uncertain now. */
  async #removeStray(
    did: Did,
    cid: string,
    name: string,
  ): Promise<boolean | undefined> {
    const { kv, store } = this.#deps;
    if (name === ORIGINAL) {
      const image = await kv.get<ImageRow>(imageKey(did, cid));
      if (image?.value.original !== undefined) return false;
      await store.delete(originalKey(did, cid));
      return true;
    }
    const lease = await this.#lease(did, cid, name);
    if (lease === undefined) return undefined;
    try {
      if (await kv.get(variantKey(did, cid, name))) return false;
      await store.delete(variantObjectKey(did, cid, name));
      return true;
    } finally {
      await lease.release();
    }
  }

  /**
   * Removes a variant, and the picture with its last one. Returns false when it
   * is in use after all.
   */
  async #evict(candidate: Candidate): Promise<boolean> {
    const { rows, store } = this.#deps;
    const { did, cid, name } = candidate;
    const lease = await this.#lease(did, cid, name);
    if (lease === undefined) return false;
    try {
      if (!await rows.drop(did, cid, name, candidate)) return false;
      // If this fails, the sweep of strays removes it.
      await store.delete(variantObjectKey(did, cid, name));
    } finally {
      await lease.release();
    }
    if (await rows.dropImage(did, cid)) {
      await store.delete(originalKey(did, cid));
    }
    return true;
  }

  #lease(did: Did, cid: string, name: string): Promise<Lease | undefined> {
    const { kv, clock } = this.#deps;
    return acquireLease(kv, clock, variantLease(did, cid, name), {
      ttlMs: LEASE_MS,
    });
  }

  /** Variants that no client can be redirected to any more, least used first. */
  #idle(candidates: readonly Candidate[]): Candidate[] {
    const now = this.#deps.clock.now();
    return candidates
      .filter((candidate) => !isWithin(usedAt(candidate), IDLE_MS, now))
      .toSorted((a, b) => usedAt(a) - usedAt(b));
  }

  /** Variants starting at a random account; all of them if there are few. */
  async #sample(): Promise<{ sample: Candidate[]; isAll: boolean }> {
    const { kv } = this.#deps;
    const from = async (did: string) =>
      await Array.fromAsync(
        kv.list<VariantRow>(
          { prefix: allVariants, start: [...allVariants, did] },
          { limit: SAMPLE },
        ),
        candidateOf,
      );
    const first = await from("");
    if (first.length < SAMPLE) return { sample: first, isAll: true };
    const letter = () => Math.floor(Math.random() * 36).toString(36);
    const sample = await from(`did:plc:${letter()}${letter()}${letter()}`);
    return { sample: sample.length > 0 ? sample : first, isAll: false };
  }

  /** Recounts the stored bytes from the rows if the last count is old or missing. */
  async #recount(): Promise<void> {
    const { kv, clock } = this.#deps;
    const counted = await kv.get<number>(countedAtKey);
    const now = clock.now();
    if (counted && isWithin(counted.value, RECOUNT_MS, now)) return;
    let bytes = 0;
    const variants = kv.list<VariantRow>({ prefix: allVariants });
    for await (const { value } of variants) bytes += value.size;
    const images = kv.list<ImageRow>({ prefix: allImages });
    for await (const { value } of images) bytes += value.original?.size ?? 0;
    const before = BigInt.asIntN(64, await kv.counter(storedBytesKey));
    await kv.atomic()
      .check(countedAtKey, counted?.versionstamp ?? null)
      .set(countedAtKey, now)
      .sum(storedBytesKey, BigInt(bytes) - before)
      .commit();
  }
}

function candidateOf(entry: Entry<VariantRow>): Candidate {
  const { key } = entry;
  return {
    ...entry,
    did: String(key[2]) as Did,
    cid: String(key[3]),
    name: String(key[4]),
  };
}

function usedAt({ value }: Candidate): number {
  return value.usedAt ?? value.createdAt;
}
