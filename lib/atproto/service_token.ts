/**
 * The wire format of service tokens: a short JWT as Bearer.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import { decodeJson } from "../crypto/jwt.ts";

/** Maximum length of a token in characters. */
const MAX_TOKEN = 8_192;

const headerSchema = z.object({
  alg: z.enum(["ES256K", "ES256"]),
  typ: z.string().optional(),
  crit: z.undefined().optional(),
});

const claimsSchema = z.object({
  iss: z.string().max(2_048),
  aud: z.string().max(2_048),
  exp: z.number().int(),
  iat: z.number().int().optional(),
  nbf: z.number().int().optional(),
  lxm: z.string().max(512),
  jti: z.string().min(1).max(256).optional(),
});

type Bytes = Uint8Array<ArrayBuffer>;

/** r and s of ES256 and ES256K (RFC 7518, 3.4; RFC 8812, 3.2). */
const SIGNATURE_BYTES = 64;

/** Claims of a token. */
export type Claims = z.infer<typeof claimsSchema>;

/** JWT types other than service tokens. */
const OTHER_TYPES: ReadonlySet<string> = new Set([
  "at+jwt",
  "refresh+jwt",
  "dpop+jwt",
]);

/** The signed part of a token. */
export interface SignedPart {
  readonly alg: "ES256K" | "ES256";
  readonly data: Bytes;
  readonly signature: Bytes;
}

/** A parsed token that is not verified yet. */
export interface ServiceToken {
  readonly claims: Claims;
  /** Its second part. */
  readonly body: string;
  readonly signed: SignedPart;
}

/** Parses the Bearer token of an `Authorization` header. Throws AppError `UNAUTHORIZED`. */
export function parseServiceToken(
  authorization: string | undefined,
): ServiceToken {
  const token = bearerOf(authorization);
  const parts = token.length <= MAX_TOKEN ? token.split(".") : [];
  const [head, body, signature] = parts;
  if (parts.length !== 3 || !head || !body || !signature) {
    throw refused("It is not a JWT.");
  }
  const header = headerSchema.safeParse(decodeJson(head));
  if (!header.success) {
    throw refused("Its header must name the algorithm ES256K or ES256.");
  }
  if (OTHER_TYPES.has(header.data.typ?.toLowerCase() ?? "")) {
    throw refused("It is a token of another kind.");
  }
  const claims = claimsSchema.safeParse(decodeJson(body));
  if (!claims.success) {
    throw refused("It must have the claims iss, aud, exp and lxm.");
  }
  const signed = {
    alg: header.data.alg,
    data: new TextEncoder().encode(`${head}.${body}`),
    signature: signatureBytes(signature),
  };
  return { claims: claims.data, body, signed };
}

function bearerOf(authorization: string | undefined): string {
  const token = /^bearer +([^ ]+) *$/i.exec(
    authorization?.slice(0, 2 * MAX_TOKEN) ?? "",
  )?.[1];
  if (token !== undefined) return token;
  throw new AppError(
    "UNAUTHORIZED",
    "This method needs a service token of your PDS (com.atproto.server.getServiceAuth) as Bearer in the Authorization header.",
  );
}

function signatureBytes(part: string): Bytes {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    if (bytes.length === SIGNATURE_BYTES) return bytes;
  } catch (cause) {
    throw refused("Its signature is not base64url.", cause);
  }
  throw refused(`Its signature does not have ${SIGNATURE_BYTES} bytes.`);
}

/** The error for a rejected token, with the reason. */
export function refused(why: string, cause?: unknown): AppError {
  return new AppError(
    "UNAUTHORIZED",
    `The service token is not valid. ${why}`,
    cause === undefined ? {} : { cause },
  );
}
