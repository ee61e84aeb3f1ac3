/**
 * What can be read in a JWT without its key (RFC 7519, compact form).
 *
 * @module
 */

import { z } from "zod";

const claimsSchema = z.object({ exp: z.number().optional() });

/**
 * When the token expires, in milliseconds since the Unix epoch; undefined when
 * it does not say so. Nothing is verified: only for tokens that were given to us.
 */
export function expiryOf(token: string): number | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  const claims = claimsSchema.safeParse(decodeJson(payload));
  const exp = claims.success ? claims.data.exp : undefined;
  return exp === undefined ? undefined : exp * 1000;
}

/** JSON out of one base64url part of a token; undefined when it holds none. */
export function decodeJson(part: string): unknown {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // Somebody's malformed token; the caller says so.
    return undefined;
  }
}
