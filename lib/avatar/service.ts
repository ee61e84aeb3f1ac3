/**
 * The avatar service: pictures of AT Protocol accounts.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import type { Clock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import type { Logger } from "../log.ts";
import type { ScrubSource } from "../scrub/source.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { Admission } from "./admission.ts";
import { type AccountDescription, describePicture } from "./describe.ts";
import { picturePrefix } from "./picture_keys.ts";
import { type AvatarObserver, NO_OBSERVER, outcomeOf } from "./observer.ts";
import type { AvatarOptions } from "./options.ts";
import { ObjectUrls } from "./objects/object_urls.ts";
import { Originals } from "./originals.ts";
import type { AvatarParts } from "./remote/parts.ts";
import type { PictureQuery } from "./parameters.ts";
import { PictureScrub } from "./objects/picture_scrub.ts";
import { drawPlaceholder, type Placeholder } from "./placeholder/draw.ts";
import type { PlaceholderKind } from "./placeholder/scene.ts";
import { type Lane, workerLane } from "./pool/lane.ts";
import type { PoolStats } from "./pool/bounds.ts";
import { RenderPool } from "./pool/pool.ts";
import { type AccountChange, Profiles } from "./profiles.ts";
import type { Reach } from "./objects/public_reach.ts";
import type { PictureKind } from "./picture_rows.ts";
import { ServedObjects } from "./objects/served_objects.ts";
import { StoredPictures } from "./objects/stored_pictures.ts";
import { sweepReplaced } from "./variants/sweep.ts";
import { pictureSource } from "./upstream.ts";
import { Variants } from "./variants/variants.ts";

export interface AvatarDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  /** Store of pictures. */
  readonly store: BlobStore;
  readonly identities: IdentityResolver;
  readonly pds: PdsReader;
  /**
   * Sends requests without credentials, also to the public origin of the store,
   * to find out whether the public can read it; without it that is assumed.
   * Closed with the service.
   */
  readonly publicFetch?: GuardedFetch;
  /** Opens a lane; a worker thread by default. */
  readonly openLane?: () => Lane;
  /** Receives metrics; none by default. */
  readonly observer?: AvatarObserver;
}

/** A picture that was found. */
export interface FoundPicture {
  /** Public URL of the object, or its path if this server serves it and its own URL is a guess. */
  readonly location: string;
  /** `hit`: cached; `stale`: expired; `miss`: rendered now; `nearest`: of another size. */
  readonly cache: "hit" | "stale" | "miss" | "nearest";
}

/** Finds, renders and stores pictures. */
export class AvatarService {
  readonly options: AvatarOptions;
  readonly #deps: AvatarDeps;
  readonly #observer: AvatarObserver;
  readonly #admission: Admission;
  readonly #pool: RenderPool;
  readonly #profiles: Profiles;
  readonly #variants: Variants;
  readonly #stored: StoredPictures;
  readonly #urls: ObjectUrls;
  /** Stored pictures for clients that read them here. */
  readonly objects: ServedObjects;
  /** Sources for scrubs. */
  readonly scrubs: readonly ScrubSource[];

  /** Workers start with {@linkcode start}, or with the first picture to render. */
  constructor(deps: AvatarDeps, options: AvatarOptions) {
    this.options = options;
    this.#deps = deps;
    const { openLane = workerLane, observer = NO_OBSERVER } = deps;
    this.#observer = observer;
    this.#admission = new Admission(
      new RateLimiter(deps.kv, deps.clock),
      options,
    );
    this.#pool = new RenderPool(options.pool, { ...deps, openLane });
    const pds = pictureSource(deps.pds);
    this.#urls = new ObjectUrls(deps, options);
    this.#profiles = new Profiles({ ...deps, observer, pds }, options);
    this.#stored = new StoredPictures({
      ...deps,
      observer,
      storeId: options.storeId,
      onGone: async ({ did, cid, variant }) => {
        if (variant) await this.#variants.missing(did, cid, variant);
      },
    });
    this.#variants = new Variants({
      ...deps,
      observer,
      stored: this.#stored,
      originals: new Originals({ ...deps, pds, stored: this.#stored }, options),
      pool: this.#pool,
    }, options);
    this.objects = new ServedObjects({ ...deps, stored: this.#stored });
    const scrubOf = (name: PictureScrub["name"]) =>
      new PictureScrub(name, deps.kv, this.#stored, options.storeId);
    this.scrubs = [scrubOf("avatar originals"), scrubOf("avatar variants")];
  }

  /** Starts the workers and looks at the store as the public; resolves when the workers are warm. */
  async start(): Promise<void> {
    await Promise.all([this.#pool.start(), this.#urls.reach?.refresh()]);
  }

  /** Ends the workers. */
  close(): void {
    this.#pool.close();
    this.#deps.publicFetch?.close();
  }

  /** Rejects with AppError `UNAVAILABLE` when pictures cannot be rendered or stored. */
  async check(signal?: AbortSignal): Promise<void> {
    this.#pool.check();
    await this.#deps.store.check(signal);
    void this.#urls.reach?.refresh();
  }

  /**
   * Whether the public can read the store that clients are redirected to, found
   * out now; undefined where this server serves the objects by its settings.
   * Rejects with AppError `UNAVAILABLE` when the store cannot be written.
   */
  async publicReach(): Promise<Reach | undefined> {
    return await this.#urls.reach?.ask();
  }

  /** What makes pictures, for those that are not an account's own. */
  get parts(): AvatarParts {
    return {
      pool: this.#pool,
      admission: this.#admission,
      variants: this.#variants,
      publicUrl: (key) => this.#urls.of(key),
    };
  }

  /** Statistics of the workers. */
  get stats(): PoolStats {
    return this.#pool.stats;
  }

  /** Origin of the objects by the settings. */
  get objectOrigin(): string {
    return this.#urls.origin;
  }

  /**
   * Returns the location of a variant; renders it if necessary.
   *
   * @param identifier handle or DID.
   * @param client the subject of rate limits, for example an address.
   *
   * Throws AppError `NAME_INVALID`, `NAME_UNKNOWN`, `NOT_FOUND` when there is no
   * picture, `UPSTREAM_FAILED`, `UPSTREAM_TIMEOUT`, `UNSUPPORTED_MEDIA_TYPE`,
   * `UNPROCESSABLE`, `TOOMANYREQUESTS` and `UNAVAILABLE`.
   */
  async picture(
    identifier: string,
    kind: PictureKind,
    query: PictureQuery,
    client?: string,
  ): Promise<FoundPicture> {
    try {
      const found = await this.#picture(identifier, kind, query, client);
      this.#observer.pictureAnswered(found.cache);
      return found;
    } catch (error) {
      this.#observer.pictureAnswered(outcomeOf(error));
      if (isAppError(error, "UPSTREAM_FAILED", "UPSTREAM_TIMEOUT")) {
        this.#observer.upstreamFailed();
      }
      throw error;
    }
  }

  async #picture(
    identifier: string,
    kind: PictureKind,
    query: PictureQuery,
    client: string | undefined,
  ): Promise<FoundPicture> {
    const visitor = this.#admission.visitor(client);
    await this.#urls.reach?.refresh();
    const { profile, freshness } = await this.#profiles.find(
      identifier,
      visitor,
    );
    const picture = profile[kind];
    if (picture === undefined) {
      throw new AppError(
        "NOT_FOUND",
        `${profile.handle ?? profile.did} has no ${kind}.`,
      );
    }
    const { key, cache } = await this.#variants.ensure(
      profile,
      picture,
      query,
      visitor,
    );
    return {
      location: this.#urls.of(key),
      cache: freshness === "stale" ? "stale" : cache,
    };
  }

  /** Describes an account's pictures; throws like {@linkcode picture}. */
  async describe(
    identifier: string,
    client?: string,
  ): Promise<AccountDescription> {
    const { profile, freshness } = await this.#profiles.find(
      identifier,
      this.#admission.visitor(client),
    );
    const { did, handle, checkedAt } = profile;
    const describe = (kind: PictureKind) =>
      describePicture(
        this.#deps.kv,
        did,
        profile[kind],
        (key) => new URL(this.#urls.of(key), this.options.baseUrl).href,
        this.options.storeId,
      );
    const [avatar, banner] = await Promise.all([
      describe("avatar"),
      describe("banner"),
    ]);
    return { did, handle, checkedAt, freshness, avatar, banner };
  }

  /**
   * Draws a placeholder. One in a raster format counts towards the limit of
   * `client`. Throws AppError `TOOMANYREQUESTS` and `UNAVAILABLE`.
   */
  async placeholder(
    kind: PlaceholderKind,
    identifier: string,
    query: PictureQuery,
    client?: string,
  ): Promise<Placeholder> {
    if (query.explicitFormat) {
      await this.#admission.admit(client, `${kind} ${identifier}`);
    }
    const { maxSide } = this.options.limits;
    return await drawPlaceholder(this.#pool, kind, identifier, query, maxSide);
  }

  /** Makes the next request for `did` read its profile again; for network events. */
  async invalidate(did: Did, change: AccountChange): Promise<void> {
    await this.#profiles.invalidate(did, change);
  }

  /** Removes old replaced pictures, and variants beyond the budget; returns how many pictures. */
  async sweep(): Promise<number> {
    const removed = await sweepReplaced(
      this.#deps,
      (did, cid) => this.#variants.forget(picturePrefix(did, cid)),
    );
    await this.#variants.sweep();
    return removed;
  }
}
