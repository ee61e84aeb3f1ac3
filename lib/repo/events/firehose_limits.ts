/**
 * Limits for consumers of the event stream.
 *
 * @module
 */

/** Limits for consumers. */
export interface FirehoseLimits {
  /** Concurrent consumers. */
  readonly maxConsumers: number;
  /** Concurrent consumers of one client. */
  readonly maxPerClient: number;
  /** A consumer with more unsent bytes than this is dropped. */
  readonly maxBufferedBytes: number;
  /** A consumer that makes no progress for this long during backfill is dropped; milliseconds. */
  readonly stallMs: number;
}

/** Limits for a public hold. */
export const DEFAULT_FIREHOSE_LIMITS: FirehoseLimits = {
  maxConsumers: 1000,
  maxPerClient: 20,
  maxBufferedBytes: 5_000_000,
  stallMs: 30_000,
};
