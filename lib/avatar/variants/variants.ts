/**
 * Stored variants of pictures: found, or rendered once for all concurrent
 * requests, across instances.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Did } from "../../did.ts";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import { OUTPUT_TYPES } from "../image/encode.ts";
import { MEDIA_TYPES, uprightSize } from "../image/info.ts";
import { checkedSniff } from "../image/image_limits.ts";
import type { Rendered } from "../image/render.ts";
import { ORIGINAL, variantLease } from "../kv_keys.ts";
import { IMMUTABLE, variantObjectKey } from "../picture_keys.ts";
import type { AvatarObserver } from "../observer.ts";
import type { AvatarOptions } from "../options.ts";
import type { Originals } from "../originals.ts";
import { type PictureQuery, plainQuery } from "../parameters.ts";
import type { RenderPool } from "../pool/pool.ts";
import type { OriginalFacts, PictureRef, ProfileRow } from "../picture_rows.ts";
import type { StoredPictures } from "../objects/stored_pictures.ts";
import type { Visitor } from "../admission.ts";
import { VariantBudget } from "./budget.ts";
import { nearestVariant } from "./nearest.ts";
import { StoredVariants } from "./stored_variants.ts";
import { VariantRows } from "./variant_rows.ts";

export interface VariantsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: BlobStore;
  readonly originals: Originals;
  readonly pool: RenderPool;
  readonly observer: Pick<AvatarObserver, "variantMade">;
  readonly stored: Pick<StoredPictures, "look">;
}

/** A stored variant and how it was obtained. */
export interface FoundVariant {
  /** Key of the object. */
  readonly key: string;
  /** `nearest`: of another size, because a budget is exhausted. */
  readonly cache: "hit" | "miss" | "nearest";
}

/** How long an instance that dies while rendering a variant blocks others. */
const LEASE_MS = 10_000;
/** How long to wait for another instance, after the longest wait in its queue. */
const LEASE_WAIT_MS = 5_000;

/** Variants of all pictures. */
export class Variants {
  readonly #deps: VariantsDeps;
  readonly #options: AvatarOptions;
  readonly #flights = new SingleFlight();
  readonly #rows: VariantRows;
  readonly #budget: VariantBudget;
  readonly #stored: StoredVariants;

  constructor(deps: VariantsDeps, options: AvatarOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#rows = new VariantRows(deps, options);
    this.#budget = new VariantBudget({ ...deps, rows: this.#rows }, options);
    this.#stored = new StoredVariants({ ...deps, rows: this.#rows });
  }

  /**
   * Ensures that a variant is stored. If a budget forbids rendering it, that of
   * `visitor`, of the picture or of all pictures, returns the nearest stored
   * one, or the plain picture. Throws AppError `UNAVAILABLE` under overload,
   * and the errors of {@linkcode Originals.read} and the renderer.
   */
  async ensure(
    profile: ProfileRow,
    picture: PictureRef,
    query: PictureQuery,
    visitor: Visitor,
  ): Promise<FoundVariant> {
    const { did } = profile;
    const { cid } = picture;
    const key = variantObjectKey(did, cid, query.name);
    if (await this.#stored.has(did, cid, query.name)) {
      return { key, cache: "hit" };
    }
    // Outside of the single flight: a refusal of one client must not be shared with others.
    if (await this.#budget.mayMake(did, cid, query, visitor)) {
      const cache = await this.#flights.run(
        key,
        undefined,
        () => this.#ensure(key, profile, picture, query),
      );
      if (cache !== "full") {
        this.#stored.saw(key);
        return { key, cache };
      }
    }
    return await this.#nearest(profile, picture, query, visitor);
  }

  /**
   * Removes idle variants while the budget of all pictures is exceeded, and
   * objects without a row.
   */
  async sweep(): Promise<void> {
    await this.#budget.sweep();
  }

  async #nearest(
    profile: ProfileRow,
    picture: PictureRef,
    query: PictureQuery,
    visitor: Visitor,
  ): Promise<FoundVariant> {
    const { did } = profile;
    const { cid } = picture;
    const { storeId } = this.#options;
    const { kv } = this.#deps;
    const name = await nearestVariant(kv, did, cid, query, storeId);
    if (name !== undefined) {
      // Records its use, so that it is not evicted while a client requests it.
      const isStored = await this.#stored.has(did, cid, name);
      if (isStored) {
        return { key: variantObjectKey(did, cid, name), cache: "nearest" };
      }
    }
    const plain = plainQuery(query.request.format);
    return await this.ensure(profile, picture, plain, visitor);
  }

  /** Removes the variants of a picture from the cache. */
  forget(prefix: string): void {
    this.#stored.forget(prefix);
  }

  /** Records that the object of a variant is missing, so that it is rendered again. */
  async missing(did: Did, cid: string, name: string): Promise<void> {
    await this.#stored.missing(did, cid, name);
  }

  async #ensure(
    key: string,
    profile: ProfileRow,
    picture: PictureRef,
    query: PictureQuery,
  ): Promise<"hit" | "miss" | "full"> {
    const { kv, clock } = this.#deps;
    const { did } = profile;
    const { cid } = picture;
    const { name } = query;
    const lease = await acquireLease(
      kv,
      clock,
      variantLease(did, cid, name),
      {
        ttlMs: LEASE_MS,
        waitMs: this.#options.pool.maxWaitMs + LEASE_WAIT_MS,
      },
    );
    if (lease === undefined) {
      throw new AppError(
        "UNAVAILABLE",
        "This size of the picture is being made by another server, which takes too long. Try again in a few seconds.",
        { retryAfterSeconds: 2 },
      );
    }
    try {
      // The previous holder of the lease may have rendered it, or found it impossible.
      if (await this.#rows.isStored(did, cid, name)) return "hit";
      const began = clock.now();
      const isKept = await this.#make(key, profile, picture, query);
      this.#deps.observer.variantMade(clock.now() - began);
      return isKept ? "miss" : "full";
    } finally {
      // Never fails and need not be awaited.
      void lease.release();
    }
  }

  /** Renders and stores a variant; returns false when there is no room for it. */
  async #make(
    key: string,
    profile: ProfileRow,
    picture: PictureRef,
    query: PictureQuery,
  ): Promise<boolean> {
    const { store, clock } = this.#deps;
    const { did } = profile;
    const { cid } = picture;
    const createdAt = clock.now();
    // Of another installation that uses the bucket, or copied from another store.
    const found = await store.head(key);
    const contentType = OUTPUT_TYPES[query.request.format];
    if (found !== undefined && found.contentType === contentType) {
      const { size } = found;
      const before = await this.#rows.find(did, cid, query.name);
      const { usedAt: _, ...facts } = before?.size === size
        ? before
        : { size, width: undefined, height: undefined };
      const row = { ...facts, createdAt };
      return await this.#budget.record(did, cid, query, { row });
    }
    const names = [query.name, ORIGINAL];
    const announced = await this.#rows.announce(did, cid, names);
    try {
      const { rendered, original, stored } = await this.#render(
        profile,
        picture,
        query,
      );
      const { bytes, width, height } = rendered;
      await store.put(key, bytes, {
        contentType,
        cacheControl: IMMUTABLE,
      });
      await stored;
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const row = { size: bytes.length, width, height, createdAt, sha256 };
      const made = { row, original, announced };
      if (await this.#budget.record(did, cid, query, made)) return true;
      await store.delete(key);
      return false;
    } catch (error) {
      await this.#rows.refuse(did, cid, error);
      throw error;
    }
  }

  async #render(
    profile: ProfileRow,
    picture: PictureRef,
    query: PictureQuery,
  ): Promise<
    { rendered: Rendered; original: OriginalFacts; stored: Promise<void> }
  > {
    const { limits } = this.#options;
    const { bytes, stored } = await this.#deps.originals.read(
      profile,
      picture,
    );
    const info = checkedSniff(bytes, limits);
    const rendered = await this.#deps.pool.run({
      kind: "render",
      bytes,
      request: query.request,
      limits,
    });
    return {
      rendered,
      stored,
      original: {
        ...uprightSize(info),
        size: bytes.length,
        mimeType: MEDIA_TYPES[info.format],
      },
    };
  }
}
