/**
 * What can be scrubbed: stored content that is read again and compared with
 * what it should be.
 *
 * @module
 */

/** Waits where `bytes` more, just read, would be faster than the reader wants. */
export type Pace = (bytes: number) => Promise<void>;

/**
 * What a look at one item found. `right`: as it should be; `mended`: it was
 * known to be damaged and is right now; `changed`: it came or went meanwhile;
 * `damaged`: it is wrong and no longer served.
 */
export type ScrubOutcome =
  | { readonly result: "right" | "mended" | "changed" }
  | { readonly result: "damaged"; readonly damage: string };

/** One stored item. */
export interface ScrubItem {
  /** Unique in its source; items come in the order of their ids. */
  readonly id: string;
  /** Bytes that it should have, where that is known without reading it. */
  readonly size?: number;
  /** Reads the item and takes it out of service when it is wrong. Throws what the store throws when it cannot be read. */
  check(pace: Pace): Promise<ScrubOutcome>;
}

/** Stored items of one kind. */
export interface ScrubSource {
  /** Stable; the progress of a run is kept under it. */
  readonly name: string;
  /** All items, or those behind the id `after`. */
  items(after?: string): AsyncIterable<ScrubItem>;
  /** A place among the ids at random, from which a sample begins. */
  randomId(): string;
}
