/**
 * What the avatar service tells whoever counts.
 *
 * @module
 */

import { isAppError } from "../errors.ts";

/** How a request for a picture ended. */
export type PictureOutcome =
  /** The variant was known or stored. */
  | "hit"
  /** The same, but whether it is the current picture could not be asked. */
  | "stale"
  /** It was made. */
  | "miss"
  /** A budget does not let it be made; another size was answered. */
  | "nearest"
  /** There is none, or it cannot be shown. */
  | "absent"
  /** Too much is being done already, by all or by this client. */
  | "refused"
  /** A PDS, a directory or we failed. */
  | "failed";

/** How a request for a picture ended that threw `error`. */
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
  /** Broken frames and events that are not about pictures. */
  readonly ignored: number;
}

/** Takes counts; must not throw. */
export interface AvatarObserver {
  /** A request for a picture was answered. */
  pictureAnswered(outcome: PictureOutcome): void;
  /** A PDS or a directory could not be asked, whatever the request was answered. */
  upstreamFailed(): void;
  /** A variant was made; milliseconds from the decision to its being stored. */
  variantMade(ms: number): void;
  /** A stored picture was not what it should be and was removed. */
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
