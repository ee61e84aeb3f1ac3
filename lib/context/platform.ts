/**
 * What every service stands on, handed on whole.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";

/** The store of rows, the time, the log and the counters of this process. */
export interface Platform {
  readonly kv: Kv;
  /** The one that `kv` goes by. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
