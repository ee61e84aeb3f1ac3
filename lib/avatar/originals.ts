/**
 * The uploaded pictures: read from the store, or fetched from the PDS and
 * stored.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../async/single_flight.ts";
import { type Clock, endsWithin } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { MEDIA_TYPES } from "./image/info.ts";
import { checkedSniff } from "./image/image_limits.ts";
import { IMMUTABLE, originalKey } from "./picture_keys.ts";
import type { AvatarOptions } from "./options.ts";
import type { PictureRef, ProfileRow } from "./picture_rows.ts";
import type { StoredPictures } from "./objects/stored_pictures.ts";
import type { PictureSource } from "./upstream.ts";

export interface OriginalsDeps {
  readonly clock: Clock;
  readonly store: BlobStore;
  readonly pds: PictureSource;
  readonly stored: Pick<StoredPictures, "isOriginal">;
}

/** An uploaded picture. */
export interface Original {
  readonly bytes: Uint8Array;
  /** Settles when the picture has been stored. */
  readonly stored: Promise<void>;
}

/** Size of the cache for clients that request several sizes, in bytes. */
const LOCAL_BYTES = 16 << 20;
/** How long a failed fetch of a picture is not retried. */
const RETRY_MS = 10_000;
const FAILURES = 5_000;

/** Uploaded pictures. */
export class Originals {
  readonly #deps: OriginalsDeps;
  readonly #options: AvatarOptions;
  readonly #local = new LRUCache<string, Uint8Array>({
    maxSize: LOCAL_BYTES,
    sizeCalculation: (bytes) => bytes.length + 1,
  });
  /** Recent failures by key. */
  readonly #failures = new LRUCache<
    string,
    { until: number; error: AppError }
  >({ max: FAILURES });
  readonly #flights = new SingleFlight();

  constructor(deps: OriginalsDeps, options: AvatarOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Returns the bytes of a picture. Concurrent callers share one fetch.
   *
   * Throws AppError `NOT_FOUND` when the PDS has no such blob,
   * `UPSTREAM_FAILED` or `UPSTREAM_TIMEOUT` when it fails,
   * `UNSUPPORTED_MEDIA_TYPE` and `UNPROCESSABLE` for bytes in no supported
   * format.
   */
  async read(profile: ProfileRow, picture: PictureRef): Promise<Original> {
    const key = originalKey(profile.did, picture.cid);
    const known = this.#local.get(key);
    if (known !== undefined) {
      return { bytes: known, stored: Promise.resolve() };
    }
    return await this.#flights.run(key, undefined, async () => {
      const kept = await this.#fromStore(key, profile, picture);
      const original = kept === undefined
        ? await this.#unlessFailing(
          key,
          () => this.#fromPds(key, profile, picture),
        )
        : { bytes: kept, stored: Promise.resolve() };
      this.#local.set(key, original.bytes);
      return original;
    });
  }

  /** Skips fetches that failed recently. */
  async #unlessFailing(
    key: string,
    ask: () => Promise<Original>,
  ): Promise<Original> {
    const { clock } = this.#deps;
    const failure = this.#failures.get(key);
    const forMs = Math.min(RETRY_MS, this.#options.negativeTtlMs);
    if (failure && endsWithin(failure.until, forMs, clock.now())) {
      throw failure.error;
    }
    try {
      return await ask();
    } catch (error) {
      if (isAppError(error, "UPSTREAM_FAILED", "UPSTREAM_TIMEOUT")) {
        this.#failures.set(key, { until: clock.now() + forMs, error });
      }
      throw error;
    }
  }

  /** Also undefined when the object is damaged; it is then fetched from the PDS. */
  async #fromStore(
    key: string,
    { did }: ProfileRow,
    { cid }: PictureRef,
  ): Promise<Uint8Array | undefined> {
    const object = await this.#deps.store.get(key);
    if (object === undefined) return undefined;
    if (object.info.size > this.#options.limits.maxBytes) {
      await object.body.cancel();
      return undefined;
    }
    const bytes = new Uint8Array(await new Response(object.body).arrayBuffer());
    const name = { did, cid, variant: undefined };
    return await this.#deps.stored.isOriginal(name, bytes) ? bytes : undefined;
  }

  async #fromPds(
    key: string,
    { did, pds, handle }: ProfileRow,
    { cid, size }: PictureRef,
  ): Promise<Original> {
    const { limits, upstreamTimeoutMs } = this.#options;
    if (size !== undefined && size > limits.maxBytes) {
      throw new AppError(
        "UNPROCESSABLE",
        `The picture has ${size} bytes, and at most ${limits.maxBytes} are taken. Upload a smaller one.`,
      );
    }
    const blob = pds === undefined ? undefined : await this.#deps.pds.getBlob(
      pds,
      did,
      cid,
      {
        maxBytes: limits.maxBytes,
        signal: AbortSignal.timeout(upstreamTimeoutMs),
      },
    );
    if (blob === undefined) {
      throw new AppError(
        "NOT_FOUND",
        `The profile of ${
          handle ?? did
        } names a picture that its PDS does not have.`,
      );
    }
    // The declared type is not trusted; the stored one is that of the bytes.
    const { format } = checkedSniff(blob.bytes, limits);
    const stored = this.#deps.store.put(key, blob.bytes, {
      contentType: MEDIA_TYPES[format],
      cacheControl: IMMUTABLE,
    }).then(() => undefined);
    stored.catch(() => this.#local.delete(key)); // callers that wait get the error
    return { bytes: blob.bytes, stored };
  }
}
