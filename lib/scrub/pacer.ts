/**
 * Limits the bytes read per second.
 *
 * @module
 */

import type { Clock } from "../clock.ts";

/** Minimum wait in milliseconds; timers are not exact enough for shorter ones. */
const MIN_WAIT_MS = 20;
/** Maximum burst: idle time beyond this, in milliseconds, is not caught up. */
const MAX_CREDIT_MS = 1_000;

/** Paces reads. */
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

  /** Call after reading `bytes`. Resolves when they fit the rate, or when `signal` is aborted. */
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
