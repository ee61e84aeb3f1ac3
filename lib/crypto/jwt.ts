/**
 * Signs JWTs with a shared key, and reads claims of others without verifying
 * them (RFC 7519, compact form).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { z } from "zod";

const claimsSchema = z.object({
  exp: z.number().optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
});

/**
 * Returns a JWT of type `JWT` with `claims`, plain JSON that is not checked,
 * signed with HMAC-SHA256. Not by the library that verifies tokens: it imports
 * the key for each token and signs on another thread, which takes seven times
 * the processor time.
 */
export function signHs256(claims: object, key: Uint8Array): string {
  const input = `${jsonPart({ alg: "HS256", typ: "JWT" })}.${jsonPart(claims)}`;
  const signature = createHmac("sha256", key).update(input);
  return `${input}.${signature.digest("base64url")}`;
}

function jsonPart(value: object): string {
  return Buffer.from(JSON.stringify(value), "utf8").toString("base64url");
}

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
