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
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** One blob. */
export interface BlobRow {
  /** Bytes. */
  readonly size: number;
  /** When the content was checked against the digest, in milliseconds since the Unix epoch. */
  readonly verifiedAt: number;
  readonly state: "live" | "quarantined" | "purging";
  /** Since when it has this state, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why it was quarantined, as a sentence. */
  readonly reason: string | undefined;
}

/** A purge that takes longer than this has died, in milliseconds. */
const PURGE_MS = 2 * 60 * 1000;

/** What {@linkcode BlobRows} needs. */
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

  /** The row in whatever state. */
  async find(digest: Digest): Promise<BlobRow | undefined> {
    return (await this.#entry(digest))?.value;
  }

  /**
   * Makes a verified blob readable. `place` puts the object under its key and
   * is called only when the store does not have it yet. Throws AppError
   * `UNAVAILABLE` while the blob is being removed.
   */
  async publish(
    digest: Digest,
    size: number,
    place: () => Promise<void>,
  ): Promise<void> {
    let placed = false;
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#entry(digest);
      if (entry?.value.state === "live") return;
      const now = this.#clock.now();
      if (entry?.value.state === "purging") {
        if (now - entry.value.since < PURGE_MS) throw beingRemoved(digest);
        placed = false;
      }
      if (entry?.value.state !== "quarantined" && !placed) {
        await place();
        placed = true;
      }
      const row: BlobRow = {
        size,
        verifiedAt: now,
        state: "live",
        since: now,
        reason: undefined,
      };
      if (await this.#swap(digest, entry, row)) return;
      // Whoever took the removal up again may have removed what was placed, too.
      if (entry?.value.state === "purging") throw beingRemoved(digest);
    }
    throw beingRemoved(digest);
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
   * Removes a blob that has been quarantined for at least `graceMs`
   * milliseconds; `remove` deletes the object. False when it may not go.
   */
  async purge(
    digest: Digest,
    graceMs: number,
    remove: () => Promise<void>,
  ): Promise<boolean> {
    const entry = await this.#entry(digest);
    const now = this.#clock.now();
    const row = entry?.value;
    if (!row || row.state === "live") return false;
    const waitMs = row.state === "purging" ? PURGE_MS : graceMs;
    if (now - row.since < waitMs) return false;
    const claim: BlobRow = { ...row, state: "purging", since: now };
    if (!await this.#swap(digest, entry, claim)) return false;
    await remove();
    const claimed = await this.#entry(digest);
    if (claimed?.value.state !== "purging" || claimed.value.since !== now) {
      return false;
    }
    return await this.#kv.atomic()
      .check(claimed.key, claimed.versionstamp)
      .delete(claimed.key)
      .commit();
  }

  /** Forgets a live blob whose object turned out to be gone. */
  async forgetLost(digest: Digest): Promise<void> {
    const entry = await this.#entry(digest);
    if (entry?.value.state !== "live") return;
    await this.#kv.atomic()
      .check(entry.key, entry.versionstamp)
      .delete(entry.key)
      .commit();
  }

  /** All rows. */
  async *all(): AsyncIterableIterator<{ digest: Digest; row: BlobRow }> {
    const rows = this.#kv.list<BlobRow>({ prefix: holdKeys.blobs });
    for await (const { key, value } of rows) {
      const digest = key[2];
      if (typeof digest === "string" && isDigest(digest)) {
        yield { digest, row: value };
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

  #entry(digest: Digest): Promise<Entry<BlobRow> | undefined> {
    return this.#kv.get<BlobRow>(holdKeys.blob(digest));
  }

  #swap(
    digest: Digest,
    entry: Entry<BlobRow> | undefined,
    row: BlobRow,
  ): Promise<boolean> {
    const key = holdKeys.blob(digest);
    return this.#kv.atomic()
      .check(key, entry?.versionstamp ?? null)
      .set(key, row)
      .commit();
  }
}

function beingRemoved(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The blob ${digest} is just being removed; push it again in a moment.`,
    { retryAfterSeconds: 5 },
  );
}
