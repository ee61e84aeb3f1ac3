/**
 * What the hold knows of its blobs, in KV. A blob is readable exactly while
 * its row is `live`. Removal goes through two states so that a push that
 * arrives meanwhile never loses its bytes:
 *
 * - `live` → `quarantined`: hidden, the object is still there;
 * - `quarantined` → `live`: pushed again or taken back;
 * - `quarantined` → `purging`: the object is being removed, pushes wait;
 * - `purging` → no row.
 *
 * What is found damaged in the store is hidden in a state that a push of the
 * right bytes ends:
 *
 * - `live`, `quarantined` → `damaged`: the object is gone or wrong;
 * - `damaged` → `live`: pushed again, or found right again;
 * - `damaged` → `purging`: nothing needs it.
 *
 * What the operator takes away is in a state of its own, which no push, no
 * manifest and no collection ends. Its row outlives its bytes:
 *
 * - `live`, `quarantined`, `purging`, `damaged` → `removed`: hidden, pushes are refused;
 * - `removed` → `live`, or no row where the bytes are gone: the operator
 *   allows the blob again.
 *
 * @module
 */

import { type Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { type Digest } from "../../oci/digest.ts";
import type { BlobCounter } from "./blob_counter.ts";
import {
  allowedRow,
  beingCounted,
  beingRemoved,
  type BlobRow,
  type Damage,
  damagedRow,
  isSame,
  isVerifiedSince,
  liveRow,
  notAllowed,
  PURGE_MS,
  purgeClaim,
  removedRow,
} from "./blob_row.ts";
import { BlobRowStore } from "./blob_row_store.ts";

/** Tries of a commit that other instances get in the way of. */
const PUBLISH_ATTEMPTS = 50;

export interface BlobRowsDeps {
  kv: Kv;
  clock: Clock;
}

/** The rows of all blobs. */
export class BlobRows {
  readonly #clock: Clock;
  readonly #rows: BlobRowStore;

  constructor({ kv, clock }: BlobRowsDeps) {
    this.#clock = clock;
    this.#rows = new BlobRowStore(kv, clock);
  }

  /** The row in whatever state. */
  async find(digest: Digest): Promise<BlobRow | undefined> {
    return (await this.#rows.entry(digest))?.value;
  }

  /** The rows of several blobs in whatever state, in the order of `digests`. */
  findMany(digests: readonly Digest[]): Promise<(BlobRow | undefined)[]> {
    return this.#rows.findMany(digests);
  }

  /** The rows of those of `digests` that there are. */
  findAll(
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, BlobRow>> {
    return this.#rows.findAll(digests);
  }

  /** All rows in the order of their digests, those behind `after` only when it is given. */
  all(
    after?: string,
  ): AsyncIterableIterator<{ digest: Digest; row: BlobRow }> {
    return this.#rows.all(after);
  }

  /**
   * Makes a verified blob readable. `place` puts the object under its key, also
   * where there is one already: the bytes at hand are right, those of an old
   * object may not be any more. It is spared when the blob was verified since
   * `startedAt`, when the bytes of this push began to come (milliseconds since
   * the Unix epoch). `counter` counts the blob in the same commit. Throws
   * AppError `UNAVAILABLE` while the blob is being removed, `DENIED` when the
   * operator removed it.
   */
  async publish(
    digest: Digest,
    size: number,
    startedAt: number,
    place: () => Promise<void>,
    counter?: BlobCounter,
  ): Promise<void> {
    let placed = false;
    for (let attempt = 0; attempt < PUBLISH_ATTEMPTS; attempt++) {
      const entry = await this.#rows.entry(digest);
      const now = this.#clock.now();
      if (isVerifiedSince(entry?.value, startedAt, now)) {
        if (counter) await this.count({ digest, size }, counter);
        return;
      }
      if (entry?.value.state === "removed") throw notAllowed(digest);
      if (entry?.value.state === "purging") {
        if (now - entry.value.since < PURGE_MS) throw beingRemoved(digest);
        placed = false;
      }
      if (!placed) {
        await place();
        placed = true;
      }
      const row = liveRow(size, now, now);
      if (await this.#rows.swap(digest, entry, row, counter)) return;
      // The process that took the removal up again may have removed what was placed, too.
      if (entry?.value.state === "purging") throw beingRemoved(digest);
    }
    throw beingRemoved(digest);
  }

  /** Whether the blob is readable and was verified since `startedAt`, so that bytes that came meanwhile need not be stored. */
  async isVerifiedSince(digest: Digest, startedAt: number): Promise<boolean> {
    const row = await this.find(digest);
    return isVerifiedSince(row, startedAt, this.#clock.now());
  }

  /**
   * Hides a blob whose object is wrong. `seen` is the row as it was before the
   * object was looked at, undefined when there was none. False when the blob
   * changed meanwhile, for example by a push that mended it.
   */
  async damage(
    digest: Digest,
    seen: BlobRow | undefined,
    size: number,
    damage: Damage,
  ): Promise<boolean> {
    const entry = await this.#rows.entry(digest);
    if (!isSame(entry?.value, seen)) return false;
    const now = this.#clock.now();
    const verifiedAt = seen?.verifiedAt ?? now;
    const row = damagedRow({ size, verifiedAt }, damage, now);
    return await this.#rows.swap(digest, entry, row);
  }

  /** Makes a damaged blob readable whose object was found right, with its true `size`. False when it changed meanwhile. */
  async heal(digest: Digest, seen: BlobRow, size: number): Promise<boolean> {
    const entry = await this.#rows.entry(digest);
    if (!entry || !isSame(entry.value, seen)) return false;
    const now = this.#clock.now();
    return await this.#rows.swap(digest, entry, liveRow(size, now, now));
  }

  /** Counts a blob that is readable already. */
  async count(
    blob: { digest: Digest; size: number },
    counter: BlobCounter,
  ): Promise<void> {
    for (let attempt = 0; attempt < PUBLISH_ATTEMPTS; attempt++) {
      if (await counter.commit(() => {}, blob)) return;
    }
    throw beingCounted(blob.digest);
  }

  /** Hides a blob; its bytes stay. False when it was not live. */
  async quarantine(digest: Digest, reason: string): Promise<boolean> {
    return await this.#rows.move(digest, "live", "quarantined", reason);
  }

  /** Takes a blob back out of quarantine. False when it was not in it. */
  async restore(digest: Digest): Promise<boolean> {
    return await this.#rows.move(digest, "quarantined", "live", undefined);
  }

  /**
   * Takes a blob away for the operator: hidden at once, and no push brings it
   * back. False when there is no such blob.
   */
  async remove(digest: Digest): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#rows.entry(digest);
      if (!entry) return false;
      if (entry.value.state === "removed") return true;
      const row = removedRow(entry.value, this.#clock.now());
      if (await this.#rows.swap(digest, entry, row)) return true;
    }
    throw beingRemoved(digest);
  }

  /**
   * Ends {@linkcode remove}. Returns `live` when the blob is readable again,
   * `gone` when its bytes are removed or damaged and it has to be pushed again,
   * undefined when the operator had not removed it. Throws AppError
   * `UNAVAILABLE` while the bytes are being removed.
   */
  async allow(digest: Digest): Promise<"live" | "gone" | undefined> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#rows.entry(digest);
      if (entry?.value.state !== "removed") return undefined;
      const { bytes, since } = entry.value;
      const now = this.#clock.now();
      if (bytes === "kept") {
        const row = allowedRow(entry.value, now);
        if (!await this.#rows.swap(digest, entry, row)) continue;
        return row.state === "live" ? "live" : "gone";
      }
      if (bytes === "going" && now - since < PURGE_MS) {
        throw beingRemoved(digest);
      }
      if (await this.#rows.forget(entry)) return "gone";
    }
    throw beingRemoved(digest);
  }

  /**
   * Removes the bytes of a blob that has been quarantined, or removed by the
   * operator, for at least `graceMs` milliseconds; `remove` deletes the object.
   * False when they may not go.
   */
  async purge(
    digest: Digest,
    graceMs: number,
    remove: () => Promise<void>,
  ): Promise<boolean> {
    const entry = await this.#rows.entry(digest);
    const now = this.#clock.now();
    const claim = entry && purgeClaim(entry.value, graceMs, now);
    if (!claim || !await this.#rows.swap(digest, entry, claim)) return false;
    await remove();
    const claimed = await this.#rows.entry(digest);
    if (claimed?.value.state !== claim.state || claimed.value.since !== now) {
      return false;
    }
    return claim.state === "removed"
      ? await this.#rows.swap(digest, claimed, { ...claim, bytes: "gone" })
      : await this.#rows.forget(claimed);
  }
}
