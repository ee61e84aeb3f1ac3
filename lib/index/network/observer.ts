/**
 * Metrics of the index that follows the network.
 *
 * @module
 */

/** Outcome of a record change. */
export type ChangeOutcome =
  | "applied"
  /** It, or a newer one, was applied before. */
  | "known"
  /** It does not fit its lexicon. */
  | "invalid"
  /** The account has reached the limit of records. */
  | "too_many"
  /** The account exceeded its rate limit; its repo is listed later. */
  | "too_fast"
  /** It could not be applied; the repo is listed later. */
  | "failed";

/** Records metrics; must not throw. */
export interface NetworkObserver {
  /** Events of a stream, by kind. */
  eventsTaken(counts: Readonly<Record<string, number>>): void;
  change(outcome: ChangeOutcome): void;
  /** A repo was listed, is inactive, or could not be listed. */
  listed(outcome: "listed" | "hidden" | "failed"): void;
}
