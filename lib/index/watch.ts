/**
 * What the index counts.
 *
 * @module
 */

/** Counts work for the metrics. */
export interface IndexWatch {
  /** A change of `collection` was not taken, for `reason`. */
  ignored(collection: string, reason: string): void;
  /** `query` read so many rows for one answer. */
  rowsRead(query: string, rows: number): void;
}
