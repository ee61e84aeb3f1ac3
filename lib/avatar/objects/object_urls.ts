/**
 * Where clients find stored objects: in the store, where the public can read
 * it, or at this server.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { AvatarOptions } from "../options.ts";
import { keyPath, OBJECT_ROOT } from "../picture_keys.ts";
import { PublicReach } from "./public_reach.ts";

export interface ObjectUrlsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: BlobStore;
  /** Finds out whether the public can read the store; without it that is assumed. */
  readonly publicFetch?: GuardedFetch;
}

/** Addresses of objects. */
export class ObjectUrls {
  /** Undefined where clients are not redirected to the store. */
  readonly reach: PublicReach | undefined;
  readonly #store: BlobStore;
  readonly #options: AvatarOptions;

  constructor(deps: ObjectUrlsDeps, options: AvatarOptions) {
    const { store, publicFetch: fetch } = deps;
    this.#store = store;
    this.#options = options;
    const url = options.publicObjects
      ? store.publicUrl?.bind(store)
      : undefined;
    const { storeId } = options;
    this.reach = url && fetch &&
      new PublicReach({ ...deps, url, storeId, fetch });
  }

  /** Whether this server serves the objects, because clients are not redirected to the store. */
  get areOwn(): boolean {
    const isOpen = this.reach?.isOpen ?? true;
    return !isOpen || this.#direct(OBJECT_ROOT) === undefined;
  }

  /** Origin of the objects by the settings. */
  get origin(): string {
    const url = this.#direct(OBJECT_ROOT) ?? this.#own(OBJECT_ROOT);
    return new URL(url, this.#options.baseUrl).origin;
  }

  /** URL of an object for clients; a path where this server's own URL is a guess. */
  of(key: string): string {
    const direct = this.areOwn ? undefined : this.#direct(key);
    return direct ?? this.#own(key);
  }

  /** URL in a store for the public. */
  #direct(key: string): string | undefined {
    return this.#options.publicObjects
      ? this.#store.publicUrl?.(key)
      : undefined;
  }

  /** URL at this server, or at the cache in front of it. */
  #own(key: string): string {
    const { publicHost, baseUrl, baseUrlGuessed } = this.#options;
    const path = `/${keyPath(key)}`;
    // With a store for the public, the host is that of the store.
    const host = this.#direct(key) === undefined ? publicHost : undefined;
    if (host !== undefined) return `https://${host}${path}`;
    return baseUrlGuessed ? path : `${baseUrl}${path}`;
  }
}
