/**
 * Rows of blobs in KV. A blob is readable exactly while its row is `live`.
 * Removal goes through two states so that a concurrent push never loses its
 * bytes:
 *
 * - `live` → `quarantined`: hidden, the object is still there;
 * - `quarantined` → `live`: pushed again or restored;
 * - `quarantined` → `purging`: the object is being deleted, pushes wait;
 * - `purging` → no row.
 *
 * A blob with a damaged object is hidden until the right bytes are pushed:
 *
 * - `live`, `quarantined` → `damaged`: the object is missing or wrong;
 * - `damaged` → `live`: pushed again, or found intact again;
 * - `damaged` → `purging`: unreferenced.
 *
 * A blob removed by the operator has a separate state, which no push, manifest
 * or garbage collection ends. Its row outlives its bytes:
 *
 * - `live`, `quarantined`, `purging`, `damaged` → `removed`: hidden, pushes are refused;
 * - `removed` → `live`, or no row if the bytes are gone: the operator allows
 *   the blob again.
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

/** Attempts of a commit under contention. */
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

  /** The row in any state. */
  async find(digest: Digest): Promise<BlobRow | undefined> {
    return (await this.#rows.entry(digest))?.value;
  }

  /** The rows of several blobs in any state, in the order of `digests`. */
  findMany(digests: readonly Digest[]): Promise<(BlobRow | undefined)[]> {
    return this.#rows.findMany(digests);
  }

  /** The existing rows of `digests`. */
  findAll(
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, BlobRow>> {
    return this.#rows.findAll(digests);
  }

  /** All rows by digest, or those after `after`. */
  all(
    after?: string,
  ): AsyncIterableIterator<{ digest: Digest; row: BlobRow }> {
    return this.#rows.all(after);
  }

  /**
   * Makes a verified blob readable. `place` moves the object to its key, even
   * if there is one already: the new bytes are verified, those of an old object
   * may be damaged by now. It is skipped when the blob was verified since
   * `startedAt`, when this push began (milliseconds since the Unix epoch).
   * `counter` charges the blob in the same commit. Throws AppError
   * `UNAVAILABLE` while the blob is being removed, `DENIED` when the operator
   * removed it.
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
        if (counter) await this.#count({ digest, size }, counter);
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
      // A process that resumed the purge may have deleted the new object, too.
      if (entry?.value.state === "purging") throw beingRemoved(digest);
    }
    throw beingRemoved(digest);
  }

  /**
   * Hides a blob whose object is damaged. `seen` is the row as it was before
   * the object was read, undefined when there was none. Returns false when the
   * blob changed meanwhile, for example because a push repaired it.
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

  /**
   * Makes a damaged blob readable after its object was found intact, with its
   * actual `size`. Returns false when it changed meanwhile.
   */
  async heal(digest: Digest, seen: BlobRow, size: number): Promise<boolean> {
    const entry = await this.#rows.entry(digest);
    if (!entry || !isSame(entry.value, seen)) return false;
    const now = this.#clock.now();
    return await this.#rows.swap(digest, entry, liveRow(size, now, now));
  }

  /** Charges a blob that is readable already. */
  async #count(
    blob: { digest: Digest; size: number },
    counter: BlobCounter,
  ): Promise<void> {
    for (let attempt = 0; attempt < PUBLISH_ATTEMPTS; attempt++) {
      if (await counter.commit(() => {}, blob)) return;
    }
    throw beingCounted(blob.digest);
  }

  /** Hides a blob; its bytes stay. Returns false when it was not live. */
  async quarantine(digest: Digest, reason: string): Promise<boolean> {
    return await this.#rows.move(digest, "live", "quarantined", reason);
  }

  /** Restores a blob from quarantine. Returns false when it was not in quarantine. */
  async restore(digest: Digest): Promise<boolean> {
    return await this.#rows.move(digest, "quarantined", "live", undefined);
  }

  /**
   * Removes a blob for the operator: hides it at once, and pushes do not
   * restore it. Returns false when there is no such blob.
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
   * Reverses {@linkcode remove}. Returns `live` when the blob is readable
   * again, `gone` when its bytes are deleted or damaged and it must be pushed
   * again, undefined when the operator had not removed it. Throws AppError
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
   * Deletes the bytes of a blob that has been quarantined, or removed by the
   * operator, for at least `graceMs` milliseconds; `remove` deletes the object.
   * Returns false when they must be kept.
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
