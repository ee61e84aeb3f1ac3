/**
 * Whether a variant is stored, by the cache of this process, by its row, and
 * by a look at the object itself from time to time where clients are sent to it:
 * nobody reports what a client finds at a public bucket.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../async/single_flight.ts";
import { type Clock, endsWithin, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { type ObjectName, variantObjectKey } from "../picture_keys.ts";
import type { VariantRows } from "./variant_rows.ts";
import { withinTime } from "../../async/within_time.ts";
import type { Logger } from "../../log.ts";
import type { StoredPictures } from "../objects/stored_pictures.ts";

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

interface PresenceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stored: Pick<StoredPictures, "look">;
}

/** Size of the cache of looks. */
const REMEMBERED = 50_000;
/** How long an object is believed to be there, in milliseconds. */
const BELIEVED_MS = 15_000;
/** Looks per second of this process on average, and at once; they cost money at most stores. */
const RATE = 5;
const BURST = 20;
/** How long a request waits for the first look at an object, in milliseconds. */
const WAIT_MS = 1_000;

/** Looks after objects at a bounded rate. */
class Presence {
  readonly #deps: PresenceDeps;
  /** Time of the last look by key, in milliseconds since the Unix epoch. */
  readonly #seen = new LRUCache<string, number>({ max: REMEMBERED });
  readonly #flights = new SingleFlight();
  /** Looks that have not ended. */
  #running = 0;
  /** When all looks up to now will be within the rate. */
  #paidAt = 0;

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
  }

  /** Records that the object at `key` was just stored. */
  saw(key: string): void {
    this.#seen.set(key, this.#deps.clock.now());
  }

  /** Looks in the background if the last look is old and the rate allows it. */
  glance(key: string, name: ObjectName): void {
    if (this.#isDue(key)) void this.#look(key, name);
  }

  /**
   * Whether the object at `key` is there; also true where it is not known, as
   * the store does not respond or the rate forbids looking.
   */
  async isThere(key: string, name: ObjectName): Promise<boolean> {
    if (!this.#isDue(key)) return true;
    const looked = this.#look(key, name);
    return await withinTime(this.#deps.clock, WAIT_MS, looked) ?? true;
  }

  #isDue(key: string): boolean {
    const now = this.#deps.clock.now();
    if (isWithin(this.#seen.get(key) ?? -Infinity, BELIEVED_MS, now)) {
      return false;
    }
    const burstMs = BURST * 1000 / RATE;
    // Further ahead than a burst, the clock was set back.
    const isPast = this.#paidAt < now || this.#paidAt > now + 2 * burstMs;
    const from = isPast ? now : this.#paidAt;
    // A store that hangs must not gather requests.
    if (from - now >= burstMs || this.#running >= BURST) return false;
    this.#paidAt = from + 1000 / RATE;
    this.#seen.set(key, now);
    return true;
  }

  async #look(key: string, name: ObjectName): Promise<boolean> {
    this.#running++;
    try {
      return await this.#flights.run(
        key,
        undefined,
        () => this.#deps.stored.look(name),
      );
    } catch (error) {
      this.#deps.log.debug("object not looked for", { key, error });
      return true;
    } finally {
      this.#running--;
    }
  }
}
