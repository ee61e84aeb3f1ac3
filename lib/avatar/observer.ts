/**
 * Metrics interface of the avatar service.
 *
 * @module
 */

import { isAppError } from "../errors.ts";

/** Result of a request for a picture. */
export type PictureOutcome =
  /** The variant was cached or stored. */
  | "hit"
  /** The same, but whether it is the current picture could not be checked. */
  | "stale"
  /** It was rendered. */
  | "miss"
  /** A budget forbids rendering it; another size was returned. */
  | "nearest"
  /** There is none, or it cannot be displayed. */
  | "absent"
  /** Refused because of load or the client's rate limit. */
  | "refused"
  /** A PDS, a directory or this server failed. */
  | "failed";

/** Result of a request for a picture that threw `error`. */
export function outcomeOf(error: unknown): PictureOutcome {
  if (isAppError(error, "TOOMANYREQUESTS", "UNAVAILABLE")) return "refused";
  const absent = isAppError(
    error,
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "NOT_FOUND",
    "UNPROCESSABLE",
    "UNSUPPORTED_MEDIA_TYPE",
  );
  return absent ? "absent" : "failed";
}

/** Events of the network by kind. */
export interface EventCounts {
  readonly commit: number;
  readonly identity: number;
  readonly account: number;
  /** Malformed frames and events unrelated to pictures. */
  readonly ignored: number;
}

/** Receives counts; must not throw. */
export interface AvatarObserver {
  /** A request for a picture was completed. */
  pictureAnswered(outcome: PictureOutcome): void;
  /** A PDS or a directory could not be reached, regardless of the response. */
  upstreamFailed(): void;
  /** A variant was rendered; milliseconds from the decision until it was stored. */
  variantMade(ms: number): void;
  /** A stored picture was damaged and was removed. */
  pictureDamaged(what: string): void;
  networkEvents(counts: EventCounts): void;
}

/** Counts nothing. */
export const NO_OBSERVER: AvatarObserver = {
  pictureAnswered() {},
  upstreamFailed() {},
  variantMade() {},
  pictureDamaged() {},
  networkEvents() {},
};
