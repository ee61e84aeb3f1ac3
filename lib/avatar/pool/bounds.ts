/**
 * Limits and statistics of a pool of lanes.
 *
 * @module
 */

/** Limits of a `RenderPool`. */
export interface PoolOptions {
  /** Concurrent jobs. */
  readonly lanes: number;
  /** Queue length; further jobs are refused. */
  readonly queueLimit: number;
  /** Bytes of the pictures in the queue; further jobs are refused. */
  readonly queueBytes: number;
  /** Maximum wait of a job in milliseconds. */
  readonly maxWaitMs: number;
  /** Milliseconds after which a running job is abandoned and its lane replaced. */
  readonly maxRunMs: number;
  /** Memory for decoding in all lanes together, in bytes. */
  readonly memoryBytes: number;
}

/** Limits for a process of 512 MB on two cores. */
export const DEFAULT_POOL: PoolOptions = {
  lanes: 2,
  queueLimit: 256,
  queueBytes: 48_000_000,
  maxWaitMs: 10_000,
  maxRunMs: 15_000,
  memoryBytes: 180_000_000,
};

/** Statistics of a pool. */
export interface PoolStats {
  readonly lanes: number;
  readonly busy: number;
  readonly waiting: number;
  /** Lanes whose abandoned job is still running. */
  readonly stuck: number;
  /** Completed jobs, including failed ones. */
  readonly done: number;
  /** Jobs refused because the queue was full. */
  readonly refused: number;
}
