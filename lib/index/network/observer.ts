/**
 * What the index counts of the network.
 *
 * @module
 */

/** What became of a change of a record. */
export type ChangeOutcome =
  | "applied"
  /** It was taken before, or a newer one was. */
  | "known"
  /** It does not fit its lexicon. */
  | "invalid"
  /** The account has as many records as are kept of one. */
  | "too_many"
  /** The account changes more than is followed; its repo is listed later. */
  | "too_fast"
  /** It could not be applied; the repo is listed later. */
  | "failed";

/** Takes counts; must not throw. */
export interface NetworkObserver {
  /** Events of a stream, by kind. */
  eventsTaken(counts: Readonly<Record<string, number>>): void;
  change(outcome: ChangeOutcome): void;
  /** A repo was listed, found hidden or gone, or could not be listed. */
  listed(outcome: "listed" | "hidden" | "failed"): void;
}
