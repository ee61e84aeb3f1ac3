/**
 * Timestamp identifiers: revisions and record keys that sort by time
 * (record key specification, "Record Key Type: tid").
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { create, parse } from "@atcute/tid";
import type { Clock } from "../clock.ts";

/** Creates monotonically increasing TIDs, even when the clock is set back. */
export class TidClock {
  readonly #clock: Clock;
  /** Distinguishes processes that create TIDs in the same microsecond. */
  readonly #clockId = randomInt(1024);
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns a TID above all earlier ones of this clock, and above `after`. */
  next(after?: string): string {
    const floor = after === undefined ? 0 : parse(after).timestamp;
    this.#last = Math.max(
      this.#clock.now() * 1000,
      this.#last + 1,
      floor + 1,
    );
    return create(this.#last, this.#clockId);
  }
}
