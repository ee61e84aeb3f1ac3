/**
 * Bearer tokens of the registry: JWTs signed with HMAC-SHA256. Verification
 * needs no other server; revocation of the credential is looked up periodically
 * in the store.
 *
 * @module
 */

import { jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Did } from "../did.ts";
import { type Clock, endsWithin } from "../clock.ts";
import { signHs256 } from "../crypto/jwt.ts";
import { AppError } from "../errors.ts";
import {
  type Credential,
  formatCredential,
  parseCredential,
} from "./credential.ts";

/** What a caller may do to a repository. */
export type Action = "pull" | "push" | "delete";

/** Actions on one repository, named by the owner's DID and the repository. */
export interface Grant {
  did: Did;
  repo: string;
  actions: readonly Action[];
  /** Requested and refused: another token of this login would not help. */
  refused?: readonly Action[];
}

/** Claims of a token. */
export interface TokenClaims {
  /** Undefined for a token that was issued without login. */
  did: Did | undefined;
  grants: readonly Grant[];
  /**
   * Patterns of repositories that the catalog may list in addition to those of
   * the grants, as in `permissions.ts`; undefined without the catalog scope.
   */
  catalog?: readonly string[];
  /** Credential of the login; undefined without login. */
  credential: Credential | undefined;
  /** Time of the login in seconds since the Unix epoch, with fractions. */
  loginAt: number;
  /** Whole seconds since the Unix epoch. */
  expiresAt: number;
}

/** Options of {@linkcode RegistryTokens}. */
export interface RegistryTokensOptions {
  clock: Clock;
  /** 32 secret bytes; the same on every instance. */
  key: Uint8Array;
  /** `iss` and `aud` of the tokens: the name of this registry. */
  service: string;
  ttlSeconds: number;
  /**
   * Whether the credential of a token was revoked; called for each
   * verification, so it must be fast.
   */
  isRevoked: (claims: TokenClaims) => Promise<boolean>;
}

const ALGORITHM = "HS256";

/**
 * The type that clients know (RFC 7519, 5.1). Some read the token, and do not
 * cache one of another type or with fractions in its times.
 */
const TYPE = "JWT";

/** Size of the cache of tokens with verified signatures. */
const REMEMBERED = 10_000;

const actionsSchema = z.array(z.enum(["pull", "push", "delete"]));

const claimsSchema = z.object({
  sub: z.string(),
  exp: z.int(),
  login: z.number(),
  cred: z.string().regex(/^(?:password|device\/[0-9a-f]{16})$/).optional(),
  catalog: z.array(z.string()).exactOptional(),
  access: z.array(
    z.tuple([z.string(), z.string(), actionsSchema, actionsSchema]),
  ),
});

/** Issues and verifies registry tokens. */
export class RegistryTokens {
  readonly #options: RegistryTokensOptions;
  readonly #checked = new LRUCache<string, TokenClaims>({ max: REMEMBERED });

  constructor(options: RegistryTokensOptions) {
    this.#options = options;
  }

  /** Lifetime of a new token in seconds. */
  get ttlSeconds(): number {
    return this.#options.ttlSeconds;
  }

  /** Name of the registry in challenges and tokens. */
  get service(): string {
    return this.#options.service;
  }

  /**
   * Issues a token; `holder` is undefined without login, `catalog` without the
   * catalog scope. `loginAt` is the time of the login, in seconds since the
   * Unix epoch; now by default.
   */
  issue(
    holder: { did: Did; credential: Credential } | undefined,
    grants: readonly Grant[],
    catalog?: readonly string[],
    loginAt?: number,
  ): { token: string; issuedAt: Date } {
    const { clock, key, service, ttlSeconds } = this.#options;
    const now = clock.now() / 1000;
    const token = signHs256({
      access: grants.map(({ did, repo, actions, refused = [] }) => [
        did,
        repo,
        actions,
        refused,
      ]),
      // With fractions, to order a login and a revocation of the same second.
      login: loginAt ?? now,
      ...(catalog ? { catalog } : {}),
      ...(holder ? { cred: formatCredential(holder.credential) } : {}),
      iss: service,
      aud: service,
      sub: holder?.did ?? "",
      iat: Math.floor(now),
      exp: Math.floor(now + ttlSeconds),
      jti: crypto.randomUUID(),
    }, key);
    return { token, issuedAt: new Date(now * 1000) };
  }

  /**
   * Verifies a token. Throws AppError `UNAUTHORIZED` when it is not ours,
   * altered, expired or revoked.
   */
  async verify(token: string): Promise<TokenClaims> {
    const known = this.#checked.get(token);
    const claims = known ?? await this.#check(token);
    const { clock, ttlSeconds } = this.#options;
    const until = claims.expiresAt * 1000;
    // A token that expires later than any new one was issued by a fast clock.
    if (!endsWithin(until, ttlSeconds * 1000, clock.now())) {
      this.#checked.delete(token);
      throw invalidToken("The registry token has expired. Log in again.");
    }
    if (!known) this.#checked.set(token, claims);
    if (await this.#options.isRevoked(claims)) {
      throw invalidToken("The login was revoked. Log in again.");
    }
    return claims;
  }

  async #check(token: string): Promise<TokenClaims> {
    const { key, service, clock } = this.#options;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer: service,
        audience: service,
        typ: TYPE,
        currentDate: new Date(clock.now()),
      });
      const claims = claimsSchema.parse(payload);
      return {
        did: claims.sub === "" ? undefined : claims.sub as Did,
        credential: parseCredential(claims.cred),
        loginAt: claims.login,
        expiresAt: claims.exp,
        ...(claims.catalog ? { catalog: claims.catalog } : {}),
        grants: claims.access.map(([did, repo, actions, refused]) => ({
          did: did as Did,
          repo,
          actions,
          ...(refused.length > 0 ? { refused } : {}),
        })),
      };
    } catch (cause) {
      throw invalidToken(
        "The registry token is not valid here. Log in again.",
        cause,
      );
    }
  }
}

function invalidToken(message: string, cause?: unknown): AppError {
  return new AppError("UNAUTHORIZED", message, { cause });
}
