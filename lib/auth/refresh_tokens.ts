/**
 * Refresh tokens of container clients ("identity tokens" in docker): a client
 * stores one instead of the password. They are self-contained and name their
 * credential, with which they are revoked.
 *
 * @module
 */

import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { type Did, storedDidSchema } from "../did.ts";
import { type Clock, isAhead } from "../clock.ts";
import { AppError } from "../errors.ts";
import {
  type Credential,
  formatCredential,
  parseCredential,
} from "./credential.ts";

/**
 * Lifetime of a refresh token in days. Clients do not renew it, so users must
 * log in again after it.
 */
export const REFRESH_TOKEN_DAYS = 90;

const ALGORITHM = "HS256";
const TYPE = "refresh+jwt";

const claimsSchema = z.object({
  sub: storedDidSchema,
  iat: z.number(),
  /** Absent in tokens of earlier versions, whose `iat` has fractions. */
  login: z.number().optional(),
  cred: z.string().regex(/^(?:password|device\/[0-9a-f]{16})$/),
  pds: z.string().optional(),
});

/** Claims of a refresh token. */
export interface RefreshClaims {
  readonly did: Did;
  readonly credential: Credential;
  /**
   * Origin of the PDS that verified the password; undefined for devices, and
   * for tokens of earlier versions.
   */
  readonly pds: string | undefined;
  /** Time of the login in seconds since the Unix epoch, with fractions. */
  readonly loginAt: number;
}

/** Options of {@linkcode RefreshTokens}. */
export interface RefreshTokensOptions {
  clock: Clock;
  /** 32 secret bytes, different from those of the registry tokens. */
  key: Uint8Array;
  /** Name of the registry. */
  service: string;
}

/** Issues and verifies refresh tokens. */
export class RefreshTokens {
  readonly #options: RefreshTokensOptions;

  constructor(options: RefreshTokensOptions) {
    this.#options = options;
  }

  /**
   * Issues a refresh token; `pds` is the PDS that verified the password, if
   * any. `loginAt` is the time of the login, in seconds since the Unix epoch;
   * now by default.
   */
  async issue(
    did: Did,
    credential: Credential,
    pds?: string,
    loginAt?: number,
  ): Promise<string> {
    const { clock, key, service } = this.#options;
    const now = clock.now() / 1000;
    return await new SignJWT({
      cred: formatCredential(credential),
      // With fractions, to order a login and a revocation of the same second.
      login: loginAt ?? now,
      ...(pds === undefined ? {} : { pds }),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
      .setIssuer(service)
      .setAudience(audience(service))
      .setSubject(did)
      .setIssuedAt(Math.floor(now))
      .setExpirationTime(Math.floor(now) + REFRESH_TOKEN_DAYS * 86_400)
      .setJti(crypto.randomUUID())
      .sign(key);
  }

  /**
   * Verifies a token. Throws AppError `UNAUTHORIZED` when it is not ours,
   * altered, expired, or issued in the future: a clock was ahead then, and a
   * revocation of today could not be ordered after it.
   */
  async read(token: string): Promise<RefreshClaims> {
    const { clock, key, service } = this.#options;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer: service,
        audience: audience(service),
        typ: TYPE,
        currentDate: new Date(clock.now()),
      });
      const { sub, iat, login = iat, cred, pds } = claimsSchema.parse(payload);
      // The time of the login is after the last revocation, which may have been
      // made by a fast clock as well.
      if (isAhead(iat * 1000, clock.now())) {
        throw new Error("The token was issued in the future.");
      }
      return {
        did: sub as Did,
        pds,
        loginAt: login,
        credential: parseCredential(cred) ?? { kind: "password" },
      };
    } catch (cause) {
      throw new AppError(
        "UNAUTHORIZED",
        "The saved login has expired or is not valid here. Run docker login again.",
        { cause },
      );
    }
  }
}

function audience(service: string): string {
  return `${service}/auth/token`;
}
