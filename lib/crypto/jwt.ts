/**
 * What can be read in a JWT without its key (RFC 7519, compact form).
 *
 * @module
 */

import { z } from "zod";

const claimsSchema = z.object({
  exp: z.number().optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
});

/**
 * When the token expires, in milliseconds since the Unix epoch; undefined when
 * it does not say so. Nothing is verified: only for tokens that were given to us.
 */
export function expiryOf(token: string): number | undefined {
  const exp = claimsOf(token)?.exp;
  return exp === undefined ? undefined : exp * 1000;
}

/** The scope that the token names; undefined when it names none. Nothing is verified, as in {@linkcode expiryOf}. */
export function scopeOf(token: string): string | undefined {
  return claimsOf(token)?.scope;
}

function claimsOf(token: string): z.infer<typeof claimsSchema> | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  const claims = claimsSchema.safeParse(decodeJson(payload));
  return claims.success ? claims.data : undefined;
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
