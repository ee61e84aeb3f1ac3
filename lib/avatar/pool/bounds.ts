/**
 * What a pool of lanes may take, and the figures that show how near it is to
 * that.
 *
 * @module
 */

/** Bounds of a `RenderPool`. */
export interface PoolOptions {
  /** Jobs done at the same time. */
  readonly lanes: number;
  /** Jobs that may wait; further ones are refused. */
  readonly queueLimit: number;
  /** Milliseconds that a job may wait. */
  readonly maxWaitMs: number;
  /** Milliseconds after which a running job is given up and its lane replaced. */
  readonly maxRunMs: number;
  /** Bytes that decoding may take in all lanes together. */
  readonly memoryBytes: number;
}

/** Bounds for a process of 512 MB on two cores. */
export const DEFAULT_POOL: PoolOptions = {
  lanes: 2,
  queueLimit: 64,
  maxWaitMs: 1500,
  maxRunMs: 5000,
  memoryBytes: 180_000_000,
};

/** Figures of a pool. */
export interface PoolStats {
  readonly lanes: number;
  readonly busy: number;
  readonly waiting: number;
  /** Lanes whose job was given up and still runs. */
  readonly stuck: number;
  /** Jobs done, failed ones included. */
  readonly done: number;
  /** Jobs refused because of the queue. */
  readonly refused: number;
}
