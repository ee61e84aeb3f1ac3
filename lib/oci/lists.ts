/**
 * Paging of lists by `n` and `last` (distribution-spec, "Listing Tags").
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { quote } from "../text.ts";

/** The page that a client asks for. */
export interface PageRequest {
  /** Maximum entries requested; undefined when the client sends none. */
  readonly n: number | undefined;
  /** The page starts after this entry; undefined for the first page. */
  readonly last: string | undefined;
}

/** Maximum length of `last` in characters. */
const MAX_LAST = 512;

/**
 * Parses `n` and `last`; empty ones count as missing. Throws AppError
 * `INVALID_REQUEST` when `n` is not a non-negative integer, or `last` cannot be
 * an entry (too long, or with control characters).
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
      `last=${quote(last)} is not an entry of this list.`,
    );
  }
  return {
    n: n === undefined
      ? undefined
      : Math.min(Number(n), Number.MAX_SAFE_INTEGER),
    last,
  };
}

/** Number of entries to return: as requested, at most `limit`. */
export function pageSize(request: PageRequest, limit: number): number {
  return Math.min(request.n ?? limit, limit);
}
