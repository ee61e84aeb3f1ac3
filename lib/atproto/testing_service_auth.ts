/**
 * Creates service tokens, as the PDS of an account does.
 *
 * @module
 */

import type { PrivateKey } from "@atcute/crypto";
import type { Did } from "../did.ts";

/** Options of {@linkcode createServiceJwt}. */
export interface ServiceJwtOptions {
  /** The account's private key. */
  key: PrivateKey;
  iss: Did;
  aud: string;
  lxm: string;
  /** Milliseconds since the Unix epoch. */
  now: number;
  /** Seconds until it expires; 60 by default. */
  lifeSeconds?: number;
}

/** Creates a service token for an account whose key we hold. */
export async function createServiceJwt(
  options: ServiceJwtOptions,
): Promise<string> {
  const { key, iss, aud, lxm, now, lifeSeconds = 60 } = options;
  const iat = Math.floor(now / 1000);
  const jti = crypto.randomUUID();
  const header = encoded({ typ: "JWT", alg: key.jwtAlg });
  const claims = { iss, aud, lxm, iat, exp: iat + lifeSeconds, jti };
  const signed = `${header}.${encoded(claims)}`;
  const signature = await key.sign(new TextEncoder().encode(signed));
  return `${signed}.${base64url(signature)}`;
}

function encoded(value: unknown): string {
  return base64url(new TextEncoder().encode(JSON.stringify(value)));
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
