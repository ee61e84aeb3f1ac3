/**
 * Bearer tokens of the registry: JWTs signed with HMAC-SHA256, checked without
 * any I/O.
 *
 * @module
 */

import { jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

/** What a caller may do to a repository. */
export type Action = "pull" | "push" | "delete";

/** Actions on one repository, named by the owner's DID and the repository. */
export interface Grant {
  did: Did;
  repo: string;
  actions: readonly Action[];
}

/** Who holds a token and what it allows. */
export interface TokenClaims {
  /** Undefined for a token that was issued without login. */
  did: Did | undefined;
  grants: readonly Grant[];
  /** Seconds since the Unix epoch. */
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
}

const ALGORITHM = "HS256";

/** Tokens whose signature was checked are remembered up to this number. */
const REMEMBERED = 10_000;

const claimsSchema = z.object({
  sub: z.string(),
  exp: z.number(),
  access: z.array(z.tuple([
    z.string(),
    z.string(),
    z.array(z.enum(["pull", "push", "delete"])),
  ])),
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

  /** Issues a token. */
  async issue(
    did: Did | undefined,
    grants: readonly Grant[],
  ): Promise<{ token: string; issuedAt: Date }> {
    const { clock, key, service, ttlSeconds } = this.#options;
    const now = Math.floor(clock.now() / 1000);
    const token = await new SignJWT({
      access: grants.map((grant) => [grant.did, grant.repo, grant.actions]),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setIssuer(service)
      .setAudience(service)
      .setSubject(did ?? "")
      .setIssuedAt(now)
      .setExpirationTime(now + ttlSeconds)
      .setJti(crypto.randomUUID())
      .sign(key);
    return { token, issuedAt: new Date(now * 1000) };
  }

  /** Checks a token. Throws AppError `UNAUTHORIZED` when it is not ours, altered or expired. */
  async verify(token: string): Promise<TokenClaims> {
    const known = this.#checked.get(token);
    const claims = known ?? await this.#check(token);
    if (claims.expiresAt * 1000 <= this.#options.clock.now()) {
      this.#checked.delete(token);
      throw invalidToken("The registry token has expired. Log in again.");
    }
    if (!known) this.#checked.set(token, claims);
    return claims;
  }

  async #check(token: string): Promise<TokenClaims> {
    const { key, service, clock } = this.#options;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer: service,
        audience: service,
        currentDate: new Date(clock.now()),
      });
      const claims = claimsSchema.parse(payload);
      return {
        did: claims.sub === "" ? undefined : claims.sub as Did,
        expiresAt: claims.exp,
        grants: claims.access.map(([did, repo, actions]) => ({
          did: did as Did,
          repo,
          actions,
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
