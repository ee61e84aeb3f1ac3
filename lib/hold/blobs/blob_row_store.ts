/**
 * Reads and writes rows of blobs in KV; `blob_rows.ts` describes their states.
 *
 * @module
 */

import { type Clock, isAhead } from "../../clock.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import type { BlobCounter } from "./blob_counter.ts";
import { type BlobRow, current } from "./blob_row.ts";
import { indexDamage } from "./damaged_blobs.ts";

/** Reads and changes single rows, with optimistic concurrency. */
export class BlobRowStore {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** The rows of several blobs in any state, in the order of `digests`. */
  async findMany(
    digests: readonly Digest[],
  ): Promise<(BlobRow | undefined)[]> {
    const entries = await this.#kv.getMany<BlobRow>(digests.map(holdKeys.blob));
    return entries.map((entry) => entry?.value);
  }

  /** The existing rows of `digests`. */
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

  /** All rows by digest, or those after `after`. */
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

  /** Changes the state of a blob that is in the state `from`; returns false when it is not. */
  async move(
    digest: Digest,
    from: BlobRow["state"],
    to: BlobRow["state"],
    reason: string | undefined,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.entry(digest);
      if (entry?.value.state !== from) return false;
      const since = this.#clock.now();
      const row = { ...entry.value, state: to, since, reason };
      if (await this.swap(digest, entry, row)) return true;
    }
    return false;
  }

  /** The row with its version, for {@linkcode swap}. */
  async entry(digest: Digest): Promise<Entry<BlobRow> | undefined> {
    const entry = await this.#kv.get<BlobRow>(holdKeys.blob(digest));
    const now = this.#clock.now();
    if (!entry || !isAhead(entry.value.since, now)) {
      return entry && { ...entry, value: current(entry.value) };
    }
    // The clock was set back: restart the state now, or it would last too long.
    await this.swap(digest, entry, { ...entry.value, since: now });
    return await this.entry(digest);
  }

  /** Deletes an unchanged row; returns false when it has changed. */
  forget({ key, versionstamp }: Entry<BlobRow>): Promise<boolean> {
    return this.#kv.atomic().check(key, versionstamp).delete(key).commit();
  }

  /**
   * Replaces `entry` by `row` if it is unchanged; `counter` charges the blob in
   * the same commit.
   */
  swap(
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
