/**
 * What is done only about work that takes long. Most work ends at once; a timer
 * for each would be more expensive than the work.
 *
 * @module
 */

import type { Clock } from "../clock.ts";

interface LateCall {
  /** When it is due, in milliseconds since the Unix epoch. */
  at: number;
  /** Undefined once it is not needed. */
  call: (() => void) | undefined;
}

/** Calls from which those that were taken back are removed before they are due. */
const MANY = 64;

/** Makes calls after a fixed delay, all by one timer. */
export class LateCalls {
  readonly #clock: Clock;
  readonly #delayMs: number;
  /** In the order in which they are due. */
  #waiting: LateCall[] = [];
  /** How many were taken back since the list was cleaned up. */
  #takenBack = 0;
  #running = false;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Calls `call` after the delay, unless the returned function is called before. */
  add(call: () => void): () => void {
    const at = this.#dueFromNow();
    const late: LateCall = { at, call };
    this.#waiting.push(late);
    if (!this.#running) void this.#run();
    return () => {
      late.call = undefined;
      this.#takenBack++;
      const isMost = this.#takenBack * 2 > this.#waiting.length;
      if (isMost && this.#waiting.length > MANY) this.#removeNeedless();
    };
  }

  #removeNeedless(): void {
    this.#waiting = this.#waiting.filter(({ call }) => call !== undefined);
    this.#takenBack = 0;
  }

  /** Makes the calls that are due until none waits. */
  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      this.#dueFromNow();
      await this.#clock.sleep(Math.max(0, next.at - this.#clock.now()));
      const due = this.#due(next);
      const calls = this.#waiting.slice(0, due);
      this.#waiting = this.#waiting.slice(due);
      for (const { call } of calls) call?.();
    }
    this.#running = false;
  }

  /**
   * When a call added now is due. None before it is due later: those that are
   * were added before the clock was set back.
   */
  #dueFromNow(): number {
    const at = this.#clock.now() + this.#delayMs;
    if ((this.#waiting.at(-1)?.at ?? 0) > at) {
      for (const late of this.#waiting) late.at = Math.min(late.at, at);
    }
    return at;
  }

  /**
   * How many are due: `first` and those before it always, because its time has
   * been waited for.
   */
  #due(first: LateCall): number {
    const now = this.#clock.now();
    const at = this.#waiting.indexOf(first);
    const end = this.#waiting.findIndex((late, i) => i > at && late.at > now);
    return end < 0 ? this.#waiting.length : end;
  }
}
