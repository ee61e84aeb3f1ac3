/**
 * How many changes of one account are followed as they happen.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";

/** Changes at once, and so many in each window on average: more than anyone pushes, less than what hurts. */
const CHANGES = 5_000;
const WINDOW_MS = 3_600_000;
const REMEMBERED = 20_000;

/**
 * Counts by the time of the events, so that what happened in hours may be
 * taken in a minute. Each process for itself: one follows a stream at a time.
 */
export class EventBudget {
  /** When everything used so far is paid back, by account. */
  readonly #paidBackAt = new LRUCache<Did, number>({ max: REMEMBERED });

  /**
   * Whether an event that happened at `at` (milliseconds since the Unix epoch)
   * may be processed; it counts as `changes` changes of records.
   */
  take(did: Did, at: number, changes = 1): boolean {
    const cost = changes * WINDOW_MS / CHANGES;
    const paidBackAt = Math.max(this.#paidBackAt.get(did) ?? at, at) + cost;
    if (paidBackAt - at > WINDOW_MS) return false;
    this.#paidBackAt.set(did, paidBackAt);
    return true;
  }
}
