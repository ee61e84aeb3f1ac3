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
 * What the operator takes away is in a state of its own, which no push, no
 * manifest and no collection ends. Its row outlives its bytes:
 *
 * - `live`, `quarantined`, `purging` → `removed`: hidden, pushes are refused;
 * - `removed` → `live`, or no row where the bytes are gone: the operator
 *   allows the blob again.
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
  readonly state: "live" | "quarantined" | "purging" | "removed";
  /** Since when it has this state, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why it was quarantined or removed, as a sentence. */
  readonly reason: string | undefined;
  /** What became of the bytes of a `removed` blob; absent in other states. */
  readonly bytes?: "kept" | "going" | "gone";
}

/** Reason of a blob that the operator removed. */
const REMOVED = "The operator of this hold removed it.";

/** Reason under which earlier versions quarantined what the operator removed. */
const REMOVED_BEFORE = "It was deleted.";

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
   * `UNAVAILABLE` while the blob is being removed, `DENIED` when the operator
   * removed it.
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
      if (entry?.value.state === "removed") throw notAllowed(digest);
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
   * Takes a blob away for the operator: hidden at once, and no push brings it
   * back. False when there is no such blob.
   */
  async remove(digest: Digest): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#entry(digest);
      if (!entry) return false;
      const { size, verifiedAt, state } = entry.value;
      if (state === "removed") return true;
      const row: BlobRow = {
        size,
        verifiedAt,
        state: "removed",
        since: this.#clock.now(),
        reason: REMOVED,
        bytes: state === "purging" ? "going" : "kept",
      };
      if (await this.#swap(digest, entry, row)) return true;
    }
    throw beingRemoved(digest);
  }

  /**
   * Ends {@linkcode remove}. Returns `live` when the blob is readable again,
   * `gone` when its bytes are removed already and it has to be pushed again,
   * undefined when the operator had not removed it. Throws AppError
   * `UNAVAILABLE` while the bytes are being removed.
   */
  async allow(digest: Digest): Promise<"live" | "gone" | undefined> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const entry = await this.#entry(digest);
      if (entry?.value.state !== "removed") return undefined;
      const { size, verifiedAt, bytes, since } = entry.value;
      const now = this.#clock.now();
      if (bytes === "kept") {
        const row: BlobRow = {
          size,
          verifiedAt,
          state: "live",
          since: now,
          reason: undefined,
        };
        if (await this.#swap(digest, entry, row)) return "live";
        continue;
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
    const row = entry?.value;
    if (!row || row.state === "live" || row.bytes === "gone") return false;
    const waitMs = row.state === "purging" || row.bytes === "going"
      ? PURGE_MS
      : graceMs;
    if (now - row.since < waitMs) return false;
    const claim: BlobRow = row.state === "removed"
      ? { ...row, bytes: "going", since: now }
      : { ...row, state: "purging", since: now };
    if (!await this.#swap(digest, entry, claim)) return false;
    await remove();
    const claimed = await this.#entry(digest);
    if (claimed?.value.state !== claim.state || claimed.value.since !== now) {
      return false;
    }
    return claim.state === "removed"
      ? await this.#swap(digest, claimed, { ...claim, bytes: "gone" })
      : await this.#forget(claimed);
  }

  /** Forgets a live blob whose object turned out to be gone. */
  async forgetLost(digest: Digest): Promise<void> {
    const entry = await this.#entry(digest);
    if (entry?.value.state === "live") await this.#forget(entry);
  }

  /** All rows. */
  async *all(): AsyncIterableIterator<{ digest: Digest; row: BlobRow }> {
    const rows = this.#kv.list<BlobRow>({ prefix: holdKeys.blobs });
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
    return entry && { ...entry, value: current(entry.value) };
  }

  #forget({ key, versionstamp }: Entry<BlobRow>): Promise<boolean> {
    return this.#kv.atomic().check(key, versionstamp).delete(key).commit();
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

/** The row as this version would have written it. */
function current(row: BlobRow): BlobRow {
  return row.state === "quarantined" && row.reason === REMOVED_BEFORE
    ? { ...row, state: "removed", reason: REMOVED, bytes: "kept" }
    : row;
}

function notAllowed(digest: Digest): AppError {
  return new AppError(
    "DENIED",
    `The operator of this hold removed the blob ${digest}; it cannot be pushed here until the operator allows it again.`,
  );
}

function beingRemoved(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The blob ${digest} is just being removed; push it again in a moment.`,
    { retryAfterSeconds: 5 },
  );
}
