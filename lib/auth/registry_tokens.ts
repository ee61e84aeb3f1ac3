/**
 * Bearer tokens of the registry: JWTs signed with HMAC-SHA256. Checking one
 * asks no other server; whether its credential was revoked is looked up in the
 * store now and then.
 *
 * @module
 */

import { jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Did } from "../did.ts";
import { type Clock, endsWithin } from "../clock.ts";
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
  /** Asked for and refused: another token of this login would not help. */
  refused?: readonly Action[];
}

/** Who holds a token and what it allows. */
export interface TokenClaims {
  /** Undefined for a token that was issued without login. */
  did: Did | undefined;
  grants: readonly Grant[];
  /** Patterns of the repositories that the catalog may show besides those of the grants, as in `permissions.ts`; undefined without the scope of the catalog. */
  catalog?: readonly string[];
  /** What the login was made with; undefined without login. */
  credential: Credential | undefined;
  /** Seconds since the Unix epoch, as `expiresAt`. */
  issuedAt: number;
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
  /** Whether the credential of a token counts no more; asked for each check, so it must be quick. */
  isRevoked: (claims: TokenClaims) => Promise<boolean>;
}

const ALGORITHM = "HS256";

/** Tells these tokens from refresh tokens, beside their keys. */
const TYPE = "registry+jwt";

/** Tokens whose signature was checked are remembered up to this number. */
const REMEMBERED = 10_000;

const actionsSchema = z.array(z.enum(["pull", "push", "delete"]));

const claimsSchema = z.object({
  sub: z.string(),
  iat: z.number(),
  exp: z.number(),
  cred: z.string().regex(/^(?:password|device\/[0-9a-f]{16})$/).optional(),
  catalog: z.array(z.string()).exactOptional(),
  access: z.array(
    z.tuple([z.string(), z.string(), actionsSchema, actionsSchema]),
  ),
});

/** Issues and checks registry tokens. */
export class RegistryTokens {
  readonly #options: RegistryTokensOptions;
  readonly #checked = new LRUCache<string, TokenClaims>({ max: REMEMBERED });

  constructor(options: RegistryTokensOptions) {
    this.#options = options;
  }

  /** Seconds that a new token lives. */
  get ttlSeconds(): number {
    return this.#options.ttlSeconds;
  }

  /** Name of the registry, as it stands in challenges and tokens. */
  get service(): string {
    return this.#options.service;
  }

  /**
   * Issues a token; `holder` is undefined for one without login, `catalog`
   * without the scope of the catalog. Its login counts as made at `loginAt`, in
   * seconds since the Unix epoch; now by default.
   */
  async issue(
    holder: { did: Did; credential: Credential } | undefined,
    grants: readonly Grant[],
    catalog?: readonly string[],
    loginAt?: number,
  ): Promise<{ token: string; issuedAt: Date }> {
    const { clock, key, service, ttlSeconds } = this.#options;
    // Decimals keep a login apart from a revocation in the same second.
    const now = clock.now() / 1000;
    const token = await new SignJWT({
      access: grants.map(({ did, repo, actions, refused = [] }) => [
        did,
        repo,
        actions,
        refused,
      ]),
      ...(catalog ? { catalog } : {}),
      ...(holder ? { cred: formatCredential(holder.credential) } : {}),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
      .setIssuer(service)
      .setAudience(service)
      .setSubject(holder?.did ?? "")
      .setIssuedAt(loginAt ?? now)
      .setExpirationTime(now + ttlSeconds)
      .setJti(crypto.randomUUID())
      .sign(key);
    return { token, issuedAt: new Date(now * 1000) };
  }

  /** Checks a token. Throws AppError `UNAUTHORIZED` when it is not ours, altered, expired or revoked. */
  async verify(token: string): Promise<TokenClaims> {
    const known = this.#checked.get(token);
    const claims = known ?? await this.#check(token);
    const { clock, ttlSeconds } = this.#options;
    const until = claims.expiresAt * 1000;
    // One that ends later than any new one was issued by a clock ahead.
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
        issuedAt: claims.iat,
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
