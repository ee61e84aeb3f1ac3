/**
 * The verified blobs of a hold: lookup, reading and hiding.
 *
 * @module
 */

import { SharedReads } from "../../async/shared_reads.ts";
import type { Clock } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import { sizesOf } from "../../hold_api/blob_sizes.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStore, ByteRange } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BlobRow } from "./blob_row.ts";
import type { BlobRows } from "./blob_rows.ts";
import type { DamageReporter } from "./damage.ts";
import { adoptBlob } from "./adopt_blob.ts";

export interface HoldBlobsDeps {
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  damage: Pick<DamageReporter, "hide">;
  clock: Clock;
  log: Logger;
  /** Whether clients may read directly from the store if it can sign URLs. */
  presign: boolean;
  /** How long a request waits for an adoption, in milliseconds; 15 s by default. */
  adoptWaitMs?: number;
}

/** Lifetime of a read URL. */
const URL_SECONDS = 15 * 60;
const ADOPT_WAIT_MS = 15_000;
/** Maximum rows read by a search for damaged blobs. */
const MAX_LOOKED = 100_000;

/** Reads and hides blobs. The caller must be authorised before. */
export class HoldBlobs {
  readonly #deps: HoldBlobsDeps;
  readonly #adoptions = new Map<Digest, Promise<number | undefined>>();
  readonly #checks = new SharedReads();

  constructor(deps: HoldBlobsDeps) {
    this.#deps = deps;
  }

  /**
   * Size of a readable blob in bytes. An object that is in the store without a
   * row (an adopted bucket, a crash) is verified first. Throws AppError
   * `UNAVAILABLE` when that takes longer than a request may wait.
   */
  async stat(digest: Digest): Promise<{ size: number } | undefined> {
    const row = await this.#readable(digest);
    return row && { size: row.size };
  }

  /**
   * Like {@linkcode stat}, for clients that skip the upload of existing blobs:
   * if the store is local, a blob whose object is missing or has another size
   * is hidden, so that they upload it. Concurrent calls for one blob share a
   * check.
   */
  check(digest: Digest): Promise<{ size: number } | undefined> {
    return this.#checks.read(digest, () => this.#check(digest));
  }

  async #check(digest: Digest): Promise<{ size: number } | undefined> {
    const { store, keys } = this.#deps;
    const key = keys.blob(digest);
    // Together, which is cheaper than one after the other.
    const [row, early] = await Promise.all([
      this.#readable(digest),
      store.localSize?.(key),
    ]);
    if (!row || !store.localSize) return row && { size: row.size };
    if (early === row.size) return { size: early };
    // The object may have been stored since.
    const size = await store.localSize(key);
    if (size === row.size) return { size };
    await this.#hide(digest, row, size);
    return undefined;
  }

  /**
   * Sizes of several blobs like {@linkcode stat}, in the order of `digests`;
   * undefined where there is none. At most {@linkcode MAX_MISSING} of those
   * without a live row are looked up.
   */
  async sizes(
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<(number | undefined)[]> {
    const rows = await this.#deps.rows.findMany(digests);
    const sizes = rows.map((row) =>
      row?.state === "live" ? row.size : undefined
    );
    const others = digests.filter((_, i) => sizes[i] === undefined);
    if (others.length === 0) return sizes;
    const found = await sizesOf(
      others,
      async (digest) => (await this.stat(digest))?.size,
      signal,
    );
    let next = 0;
    return sizes.map((size) => size ?? found[next++]);
  }

  async #readable(digest: Digest): Promise<BlobRow | undefined> {
    const { rows } = this.#deps;
    const row = await rows.find(digest);
    if (row?.state === "live") return row;
    // A lost object that has reappeared, for example with its disk, is verified, too.
    if (row && (row.state !== "damaged" || row.damage !== "missing")) {
      return undefined;
    }
    if (await this.#adopt(digest) === undefined) return undefined;
    const adopted = await rows.find(digest);
    return adopted?.state === "live" ? adopted : undefined;
  }

  /**
   * Returns the bytes, or those of `range`; `size` is that of the whole blob. A
   * blob whose object is missing or has another size is hidden. Cancel the body
   * when it is not read to the end. Throws like {@linkcode stat}.
   */
  async open(
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<
    { size: number; body: ReadableStream<Uint8Array> } | undefined
  > {
    const { store, keys } = this.#deps;
    const row = await this.#readable(digest);
    if (!row) return undefined;
    const { size } = row;
    const key = keys.blob(digest);
    let object: Awaited<ReturnType<BlobStore["get"]>>;
    try {
      object = await store.get(key, range, signal, { bare: true });
    } catch (error) {
      // A truncated object may end before the range begins.
      const cut = isAppError(error, "RANGE_INVALID") && range &&
        range.start < size && range.start <= range.end;
      if (!cut) throw error;
      const info = await store.head(key);
      if (info?.size === size) throw error;
      await this.#hide(digest, row, info?.size);
      return undefined;
    }
    if (object?.info.size === size) return { size, body: object.body };
    await object?.body.cancel();
    await this.#hide(digest, row, object?.info.size);
    return undefined;
  }

  /**
   * Hides a blob whose object has `found` bytes (undefined: missing) and not
   * the size in its row.
   */
  async #hide(
    digest: Digest,
    row: BlobRow,
    found: number | undefined,
  ): Promise<void> {
    const { size } = row;
    await this.#deps.damage.hide(
      digest,
      row,
      found === undefined
        ? { damage: "missing", size }
        : { damage: "size", size, found },
    );
  }

  /**
   * Returns a URL valid for a quarter of an hour; undefined when the hold has
   * to serve the blob or does not have it.
   */
  async presign(
    digest: Digest,
    options: { contentType?: string } = {},
  ): Promise<string | undefined> {
    const { store, keys, presign } = this.#deps;
    if (!presign || !store.presignGet || !await this.stat(digest)) {
      return undefined;
    }
    const { url } = await store.presignGet(keys.blob(digest), {
      expiresInSeconds: URL_SECONDS,
      ...options,
    });
    return url;
  }

  /**
   * Removes a blob for the operator: hides it at once and refuses pushes of it
   * until {@linkcode allow}; its bytes are deleted after the quarantine.
   * Returns false when there is no such blob.
   */
  async remove(digest: Digest): Promise<boolean> {
    const { rows } = this.#deps;
    // An object in the store without a row would be adopted later.
    await this.stat(digest);
    return await rows.remove(digest);
  }

  /**
   * Reverses {@linkcode remove}. Returns `live` when the blob is readable
   * again, `gone` when it must be pushed again, undefined when it was not
   * removed. Throws AppError `UNAVAILABLE` while its bytes are being deleted.
   */
  allow(digest: Digest): Promise<"live" | "gone" | undefined> {
    return this.#deps.rows.allow(digest);
  }

  /** How many blobs the store has, and their bytes; reads all rows. */
  async amount(
    signal: AbortSignal,
  ): Promise<{ bytes: number; blobs: number }> {
    const amount = { bytes: 0, blobs: 0 };
    for await (const { row } of this.#deps.rows.all()) {
      signal.throwIfAborted();
      if (row.state !== "live" && row.state !== "quarantined") continue;
      amount.bytes += row.size;
      amount.blobs++;
    }
    return amount;
  }

  /** Digests of damaged blobs, at most `limit`, among the first 100,000 blobs. */
  async damaged(limit: number): Promise<Digest[]> {
    const digests: Digest[] = [];
    let looked = 0;
    for await (const { digest, row } of this.#deps.rows.all()) {
      if (row.state === "damaged") digests.push(digest);
      if (digests.length >= limit || ++looked >= MAX_LOOKED) break;
    }
    return digests;
  }

  async #adopt(digest: Digest): Promise<number | undefined> {
    const { clock, adoptWaitMs = ADOPT_WAIT_MS } = this.#deps;
    let running = this.#adoptions.get(digest);
    if (!running) {
      running = adoptBlob(this.#deps, digest).finally(() =>
        this.#adoptions.delete(digest)
      );
      this.#adoptions.set(digest, running);
    }
    const over = new AbortController();
    const late = clock.sleep(adoptWaitMs, over.signal).then(() => "late");
    try {
      const outcome = await Promise.race([running, late]);
      if (typeof outcome !== "string") return outcome;
    } finally {
      over.abort();
    }
    // Verification continues; the next request reports its failure.
    running.catch((error) =>
      this.#deps.log.warn("blob not adopted", { digest, error })
    );
    throw new AppError(
      "UNAVAILABLE",
      `The blob ${digest} is being verified for the first time; ask again in a moment.`,
      { retryAfterSeconds: 10 },
    );
  }
}
