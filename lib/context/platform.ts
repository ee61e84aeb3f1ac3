/**
 * Dependencies that all services share.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";

/** The key-value store, clock, logger and metrics of this process. */
export interface Platform {
  readonly kv: Kv;
  /** Must be the clock of `kv`. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
