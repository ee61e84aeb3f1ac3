/**
 * Looks from time to time whether the objects that clients are redirected to
 * still exist: nobody reports what a client finds at a public bucket.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../async/single_flight.ts";
import { withinTime } from "../../async/within_time.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { ObjectName } from "../picture_keys.ts";
import type { StoredPictures } from "../objects/stored_pictures.ts";

export interface PresenceDeps {
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
export class Presence {
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
