/**
 * Whether a variant is stored, by the cache of this process, by its row, and
 * by a look at the object itself where clients are sent to it.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../async/single_flight.ts";
import { endsWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { variantObjectKey } from "../picture_keys.ts";
import { Presence, type PresenceDeps } from "./presence.ts";
import type { VariantRows } from "./variant_rows.ts";

export interface StoredVariantsDeps extends PresenceDeps {
  readonly rows: Pick<VariantRows, "isStored" | "forget">;
}

/** Size of the cache of stored variants. */
const LOCAL_ENTRIES = 50_000;
/**
 * How long this process caches that a variant is stored; shorter than any grace
 * period, so that removals by other instances are detected.
 */
const LOCAL_MS = 600_000;

/** Variants that need not be rendered. */
export class StoredVariants {
  readonly #deps: StoredVariantsDeps;
  /** Cache expiry of stored variants, by key. */
  readonly #known = new LRUCache<string, number>({ max: LOCAL_ENTRIES });
  readonly #flights = new SingleFlight();
  readonly #presence: Presence;

  constructor(deps: StoredVariantsDeps) {
    this.#deps = deps;
    this.#presence = new Presence(deps);
  }

  /** Whether the variant `name` is stored; records its use in its row now and then. */
  async has(did: Did, cid: string, name: string): Promise<boolean> {
    const key = variantObjectKey(did, cid, name);
    const until = this.#known.get(key) ?? 0;
    if (endsWithin(until, LOCAL_MS, this.#deps.clock.now())) {
      this.#presence.glance(key, { did, cid, variant: name });
      return true;
    }
    const isStored = await this.#flights.run(
      key,
      undefined,
      async () =>
        await this.#deps.rows.isStored(did, cid, name) &&
        await this.#presence.isThere(key, { did, cid, variant: name }),
    );
    if (isStored) this.#remember(key);
    return isStored;
  }

  /** Records that the object at `key` was just stored. */
  saw(key: string): void {
    this.#remember(key);
    this.#presence.saw(key);
  }

  /** Removes the variants of a picture from the cache. */
  forget(prefix: string): void {
    for (const key of this.#known.keys()) {
      if (key.startsWith(prefix)) this.#known.delete(key);
    }
  }

  /** Records that the object of a variant is missing, so that it is rendered again. */
  async missing(did: Did, cid: string, name: string): Promise<void> {
    this.#known.delete(variantObjectKey(did, cid, name));
    await this.#deps.rows.forget(did, cid, name);
  }

  #remember(key: string): void {
    this.#known.set(key, this.#deps.clock.now() + LOCAL_MS);
  }
}
