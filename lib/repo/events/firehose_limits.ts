/**
 * How much the consumers of the event stream may ask for.
 *
 * @module
 */

/** How much a consumer may ask for. */
export interface FirehoseLimits {
  /** Consumers at the same time. */
  readonly maxConsumers: number;
  /** Consumers of one client at the same time. */
  readonly maxPerClient: number;
  /** A consumer with more unsent bytes than this is dropped. */
  readonly maxBufferedBytes: number;
  /** A consumer that takes nothing for so long while it catches up is dropped; milliseconds. */
  readonly stallMs: number;
}

/** Limits for a public hold. */
export const DEFAULT_FIREHOSE_LIMITS: FirehoseLimits = {
  maxConsumers: 1000,
  maxPerClient: 20,
  maxBufferedBytes: 5_000_000,
  stallMs: 30_000,
};
