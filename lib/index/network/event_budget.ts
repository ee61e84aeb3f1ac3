/**
 * Rate limit of the events of one account.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";

/** Changes allowed at once, and in each window on average. */
const CHANGES = 5_000;
const WINDOW_MS = 3_600_000;
const REMEMBERED = 20_000;

/**
 * Counts by the time of the events, so that the events of hours can be replayed
 * in a minute. Local to the process, because one follows a stream at a time.
 */
export class EventBudget {
  /** Time at which the budget of an account is full again. */
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
