/**
 * A bound on the bytes read in a second.
 *
 * @module
 */

import type { Clock } from "../clock.ts";

/** Shorter waits are put off, in milliseconds: timers are not that exact. */
const MIN_WAIT_MS = 20;
/** What was not used in this time is not read faster later, in milliseconds. */
const MAX_CREDIT_MS = 1_000;

/** Spreads reading over time. */
export class Pacer {
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  #dueAt: number;

  /** @param bytesPerSecond more than 0. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
    this.#dueAt = clock.now();
  }

  /** Resolves when the `bytes` that were just read fit the rate, or when `signal` is aborted. */
  async took(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const earliest = now - MAX_CREDIT_MS;
    this.#dueAt = Math.max(this.#dueAt, earliest) + bytes / this.#bytesPerMs;
    const wait = this.#dueAt - now;
    if (wait < MIN_WAIT_MS) return;
    // A clock that was set back must not stop the work.
    const longest = MAX_CREDIT_MS + bytes / this.#bytesPerMs;
    if (wait > longest) this.#dueAt = now + longest;
    await this.#clock.sleep(Math.min(wait, longest), signal);
  }
}
