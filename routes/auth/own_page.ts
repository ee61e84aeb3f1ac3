/**
 * Refuses requests that pages of other sites have sent.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { AppError } from "../../lib/errors.ts";

/**
 * Requires that a request comes from a page of `origin`. Throws AppError
 * `DENIED` when another site has sent it.
 */
export function requireOwnPage(c: Context, origin: string): void {
  const site = c.req.header("sec-fetch-site");
  const from = c.req.header("origin");
  const isOwn = site === undefined
    ? from === undefined || from === origin
    : site === "same-origin";
  if (!isOwn) throw forged();
}

/** The error for a change that was not asked for on one of our pages. */
export function forged(): AppError {
  return new AppError(
    "DENIED",
    "This request did not come from a page of this registry, so nothing was changed. Open the page again and retry.",
  );
}
