/**
 * Notices that a stream has fallen silent.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";

/** A signal that is aborted with `signal`, and when no batch arrives for a time. */
export class QuietSignal {
  readonly #clock: Clock;
  readonly #ms: number | undefined;
  readonly #over = new AbortController();
  #waiting = new AbortController();
  readonly signal: AbortSignal;

  /** @param ms the time in milliseconds; undefined: forever. */
  constructor(clock: Clock, signal: AbortSignal, ms: number | undefined) {
    this.#clock = clock;
    this.#ms = ms;
    this.signal = AbortSignal.any([signal, this.#over.signal]);
    this.begin();
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Starts the time. */
  begin(): void {
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    if (this.#ms === undefined) return;
    void this.#clock.sleep(this.#ms, signal).then(() => {
      if (!signal.aborted) this.#over.abort();
    });
  }

  /** Stops the time. */
  pause(): void {
    this.#waiting.abort();
  }
}
