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

import { type Clock, isAhead } from "../../clock.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import type { BlobCounter } from "./blob_counter.ts";
import {
  allowedRow,
  beingCounted,
  beingRemoved,
  type BlobRow,
  current,
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
import { indexDamage } from "./damaged_blobs.ts";

/** Tries of a commit that other instances get in the way of. */
const PUBLISH_ATTEMPTS = 50;

export interface BlobRowsDeps {
  kv: Kv;
  clock: Clock;
}

/** The rows of all blobs. */
export class BlobRows {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(deps: BlobRowsDeps) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
  }

  /** The rows of several blobs in whatever state, in the order of `digests`. */
  async findMany(
    digests: readonly Digest[],
  ): Promise<(BlobRow | undefined)[]> {
    const entries = await this.#kv.getMany<BlobRow>(digests.map(holdKeys.blob));
    return entries.map((entry) => entry?.value);
  }

  /** The row in whatever state. */
  async find(digest: Digest): Promise<BlobRow | undefined> {
    return (await this.#entry(digest))?.value;
  }

  /** The rows of those of `digests` that there are. */
  async findAll(
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, BlobRow>> {
    const keys = digests.map(holdKeys.blob);
    const found = new Map<Digest, BlobRow>();
    const entries = await this.#kv.getMany<BlobRow>(keys);
    for (const [i, entry] of entries.entries()) {
      const digest = digests[i];
      if (entry && digest) found.set(digest, current(entry.value));
    }
    return found;
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
      const entry = await this.#entry(digest);
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
      if (await this.#swap(digest, entry, row, counter)) return;
      // Whoever took the removal up again may have removed what was placed, too.
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
    const entry = await this.#entry(digest);
    if (!isSame(entry?.value, seen)) return false;
    const now = this.#clock.now();
    const verifiedAt = seen?.verifiedAt ?? now;
    const row = damagedRow({ size, verifiedAt }, damage, now);
    return await this.#swap(digest, entry, row);
  }

  /** Makes a damaged blob readable whose object was found right, with its true `size`. False when it changed meanwhile. */
  async heal(digest: Digest, seen: BlobRow, size: number): Promise<boolean> {
    const entry = await this.#entry(digest);
    if (!entry || !isSame(entry.value, seen)) return false;
    const now = this.#clock.now();
    return await this.#swap(digest, entry, liveRow(size, now, now));
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
    return await this.#move(digest, "live", "quarantined", reason);
  }

  /** Takes a blob back out of quarantine. False when it was not in it. */
  async restore(digest: Digest): Promise<boolean> {
    return await this.#move(digest, "quarantined", "live", undefined);
  }

  /**
   * Takes a blob away for the operator: hidden at once, and no push brings it
   * back. False when there is no such blob.
   */
  async remove(digest: Digest): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#entry(digest);
      if (!entry) return false;
      if (entry.value.state === "removed") return true;
      const row = removedRow(entry.value, this.#clock.now());
      if (await this.#swap(digest, entry, row)) return true;
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
      const entry = await this.#entry(digest);
      if (entry?.value.state !== "removed") return undefined;
      const { bytes, since } = entry.value;
      const now = this.#clock.now();
      if (bytes === "kept") {
        const row = allowedRow(entry.value, now);
        if (!await this.#swap(digest, entry, row)) continue;
        return row.state === "live" ? "live" : "gone";
      }
      if (bytes === "going" && now - since < PURGE_MS) {
        throw beingRemoved(digest);
      }
      if (await this.#forget(entry)) return "gone";
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
    const entry = await this.#entry(digest);
    const now = this.#clock.now();
    const claim = entry && purgeClaim(entry.value, graceMs, now);
    if (!claim || !await this.#swap(digest, entry, claim)) return false;
    await remove();
    const claimed = await this.#entry(digest);
    if (claimed?.value.state !== claim.state || claimed.value.since !== now) {
      return false;
    }
    return claim.state === "removed"
      ? await this.#swap(digest, claimed, { ...claim, bytes: "gone" })
      : await this.#forget(claimed);
  }

  /** All rows in the order of their digests, those behind `after` only when it is given. */
  async *all(
    after?: string,
  ): AsyncIterableIterator<{ digest: Digest; row: BlobRow }> {
    const prefix = holdKeys.blobs;
    const rows = this.#kv.list<BlobRow>(
      after === undefined
        ? { prefix }
        : { prefix, start: [...prefix, `${after}\0`] },
    );
    for await (const { key, value } of rows) {
      const digest = key[2];
      if (typeof digest === "string" && isDigest(digest)) {
        yield { digest, row: current(value) };
      }
    }
  }

  async #move(
    digest: Digest,
    from: BlobRow["state"],
    to: BlobRow["state"],
    reason: string | undefined,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#entry(digest);
      if (entry?.value.state !== from) return false;
      const since = this.#clock.now();
      const row = { ...entry.value, state: to, since, reason };
      if (await this.#swap(digest, entry, row)) return true;
    }
    return false;
  }

  async #entry(digest: Digest): Promise<Entry<BlobRow> | undefined> {
    const entry = await this.#kv.get<BlobRow>(holdKeys.blob(digest));
    const now = this.#clock.now();
    if (!entry || !isAhead(entry.value.since, now)) {
      return entry && { ...entry, value: current(entry.value) };
    }
    // The clock was set back: the state began now, or it would last for as long.
    await this.#swap(digest, entry, { ...entry.value, since: now });
    return await this.#entry(digest);
  }

  #forget({ key, versionstamp }: Entry<BlobRow>): Promise<boolean> {
    return this.#kv.atomic().check(key, versionstamp).delete(key).commit();
  }

  #swap(
    digest: Digest,
    entry: Entry<BlobRow> | undefined,
    row: BlobRow,
    counter?: BlobCounter,
  ): Promise<boolean> {
    const key = holdKeys.blob(digest);
    const change = (to: Atomic) => {
      to.check(key, entry?.versionstamp ?? null).set(key, row);
      indexDamage(to, digest, entry?.value, row);
      return to;
    };
    return counter?.commit(change, { digest, size: row.size }) ??
      change(this.#kv.atomic()).commit();
  }
}
