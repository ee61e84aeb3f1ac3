/**
 * Responses that clients keep and ask for again: entity tags, 304, and for whom
 * they may be kept (RFC 9110, section 13; RFC 9111).
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { etagOf, matches } from "./etag.ts";
import type { AppEnv } from "./middleware.ts";

/** What is answered. */
export interface Kept {
  readonly body: string;
  /** Content type. */
  readonly type: string;
  /** How long anybody may keep it, in seconds; undefined for what only the client may see. */
  readonly publicSeconds: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** 200 by default. */
  readonly status?: 200 | 404;
}

/** Sends a body with its entity tag, or 304 to a client that has it. */
export function sendKept(c: Context<AppEnv>, kept: Kept): Response {
  const { body, type, publicSeconds, headers, status = 200 } = kept;
  // Weak, because the same answer may be sent compressed.
  const etag = `W/${etagOf(body)}`;
  const all = {
    ...headers,
    etag,
    "cache-control": publicSeconds === undefined
      ? "private, no-cache"
      : `public, max-age=${publicSeconds}, must-revalidate`,
    // Who is signed in may see more; 304 says what 200 would say.
    vary: "Accept-Encoding, Authorization, Cookie",
  };
  if (status === 200 && matches(c.req.header("if-none-match"), etag)) {
    return c.body(null, 304, all);
  }
  return c.body(body, status, { ...all, "content-type": type });
}
