/**
 * Timestamp identifiers: revisions and record keys that sort by time
 * (record key specification, "Record Key Type: tid").
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { create, parse } from "@atcute/tid";
import type { Clock } from "../clock.ts";

/** Makes TIDs that only grow, also when the clock is set back. */
export class TidClock {
  readonly #clock: Clock;
  /** Tells processes apart that make TIDs in the same microsecond. */
  readonly #clockId = randomInt(1024);
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A TID above all that came from here before, and above `after`. */
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
