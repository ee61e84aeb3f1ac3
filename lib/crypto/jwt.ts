/**
 * Reads claims of a JWT without verifying it (RFC 7519, compact form).
 *
 * @module
 */

import { z } from "zod";

const claimsSchema = z.object({
  exp: z.number().optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
});

/**
 * Returns when the token expires, in milliseconds since the Unix epoch, or
 * undefined when it has no `exp`. Nothing is verified: use it only for tokens
 * that were issued to this server.
 */
export function expiryOf(token: string): number | undefined {
  const exp = claimsOf(token)?.exp;
  return exp === undefined ? undefined : exp * 1000;
}

/**
 * Returns the token's scope, or undefined when it has none. Nothing is
 * verified, as in {@linkcode expiryOf}.
 */
export function scopeOf(token: string): string | undefined {
  return claimsOf(token)?.scope;
}

function claimsOf(token: string): z.infer<typeof claimsSchema> | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  const claims = claimsSchema.safeParse(decodeJson(payload));
  return claims.success ? claims.data : undefined;
}

/** Decodes the JSON of one base64url part of a token; undefined when it is not JSON. */
export function decodeJson(part: string): unknown {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // Malformed; the caller reports it.
    return undefined;
  }
}
