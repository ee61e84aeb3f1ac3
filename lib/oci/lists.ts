/**
 * Paging of lists by `n` and `last` (distribution-spec, "Listing Tags").
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { quote } from "../text.ts";

/** The page that a client asks for. */
export interface PageRequest {
  /** Most entries wanted; undefined when the client does not say. */
  readonly n: number | undefined;
  /** The list goes on behind this entry; undefined at the beginning. */
  readonly last: string | undefined;
}

/** Longest `last` that is taken, in characters. */
const MAX_LAST = 512;

/**
 * Reads `n` and `last`; empty ones count as missing.
 *
 * Throws AppError `INVALID_REQUEST` when `n` is no whole number from 0, or
 * `last` is no entry of any list (too long, or with control characters).
 */
export function parsePageRequest(query: URLSearchParams): PageRequest {
  const n = query.get("n") || undefined;
  const last = query.get("last") || undefined;
  if (n !== undefined && !/^[0-9]+$/.test(n)) {
    throw new AppError(
      "INVALID_REQUEST",
      `The page size n=${quote(n)} is invalid; use a whole number from 0.`,
    );
  }
  if (
    last !== undefined &&
    (last.length > MAX_LAST || /\p{Cc}/u.test(last))
  ) {
    throw new AppError(
      "INVALID_REQUEST",
      `last=${quote(last)} is no entry of this list.`,
    );
  }
  return {
    n: n === undefined
      ? undefined
      : Math.min(Number(n), Number.MAX_SAFE_INTEGER),
    last,
  };
}

/** Entries to give: what was asked for, at most `limit`. */
export function pageSize(request: PageRequest, limit: number): number {
  return Math.min(request.n ?? limit, limit);
}
