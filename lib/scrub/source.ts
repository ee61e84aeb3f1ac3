/**
 * Sources of a scrub: stored content that is reread and compared with its
 * expected content.
 *
 * @module
 */

/** Waits if the `bytes` just read exceed the rate. */
export type Pace = (bytes: number) => Promise<void>;

/**
 * Result of checking one item. `right`: intact; `mended`: it was known to be
 * damaged and is intact now; `changed`: it was created or deleted meanwhile;
 * `damaged`: it is corrupt and no longer served.
 */
export type ScrubOutcome =
  | { readonly result: "right" | "mended" | "changed" }
  | { readonly result: "damaged"; readonly damage: string };

/** One stored item. */
export interface ScrubItem {
  /** Unique in its source; items are ordered by id. */
  readonly id: string;
  /** Expected size in bytes, if known without reading it. */
  readonly size?: number;
  /**
   * Reads the item and takes it out of service when it is damaged. Throws the
   * store's error when it cannot be read.
   */
  check(pace: Pace): Promise<ScrubOutcome>;
}

/** Stored items of one kind. */
export interface ScrubSource {
  /** Stable; the progress of a run is kept under it. */
  readonly name: string;
  /** All items, or those after the id `after`. */
  items(after?: string): AsyncIterable<ScrubItem>;
  /** A random id at which a sample begins. */
  randomId(): string;
}
