/**
 * Service tokens (atproto specification, "XRPC", "Inter-Service
 * Authentication"): short JWTs that an account's PDS signs with the account's
 * key, which authenticate the account to another service.
 *
 * @module
 */

import { parseDidKey, verifySig } from "@atcute/crypto";
import { type Did, parseDid } from "../did.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import { isReusable } from "../hold_api/hold_methods.ts";
import type { IdentityResolver } from "./identity/identity.ts";
import { usedTokenKey } from "./kv_keys.ts";
import {
  type Claims,
  parseServiceToken,
  refused,
  type SignedPart,
} from "./service_token.ts";

export interface ServiceAuthDeps {
  kv: Kv;
  clock: Clock;
  identities: Pick<IdentityResolver, "resolve">;
  /** The DID of the service that the tokens are for. */
  audience: Did;
  /** Fragment of the service in its DID document, `#atcr_hold`; `aud` may carry it. */
  service: `#${string}`;
}

/** Longest life that a token may claim, in seconds (limit of the reference PDS for one with `lxm`). */
const MAX_LIFE_S = 3_600;

/**
 * Age at which an issuer's key is looked up again, in milliseconds: a PDS that
 * the account has left may still sign with the old one.
 */
const KEY_AGE_MS = 60_000;

/** How long a slow directory may delay a request, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Allowed clock skew of the issuer, in seconds. */
const SKEW_S = 30;

/** Verifies service tokens for one service. */
export class ServiceAuthVerifier {
  readonly #deps: ServiceAuthDeps;

  constructor(deps: ServiceAuthDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the account that signed the Bearer token of an `Authorization`
   * header for a call to the method `lxm`. A token is valid once, unless the
   * method accepts it until it expires (`hold_methods.ts`). When the signature
   * does not match the cached key, the key is fetched again: the account may
   * have changed it.
   *
   * Throws AppError `UNAUTHORIZED` with a sentence that says what is wrong, or
   * `UPSTREAM_FAILED`, `UPSTREAM_TIMEOUT` when the PLC directory cannot be
   * reached for the issuer's key.
   */
  async verify(
    authorization: string | undefined,
    lxm: string,
    signal?: AbortSignal,
  ): Promise<Did> {
    const { claims, body, signed } = parseServiceToken(authorization);
    const issuer = this.#check(claims, lxm);
    if (
      !await this.#fits(issuer, signed, false, signal) &&
      !await this.#fits(issuer, signed, true, signal)
    ) {
      throw refused(`It is not signed by the key of ${issuer}.`);
    }
    if (!isReusable(lxm)) await this.#useUp(issuer, claims, body);
    return issuer;
  }

  /** Checks everything but the signature. */
  #check(claims: Claims, lxm: string): Did {
    const { audience, service, clock } = this.#deps;
    // An issuer with a fragment is a service of an account; services do not call holds.
    const issuer = parseDid(claims.iss);
    if (issuer === undefined) throw refused("Its issuer is not an account.");
    const { aud } = claims;
    const did = aud.endsWith(service) ? aud.slice(0, -service.length) : aud;
    const isForUs = parseDid(did) === audience;
    if (!isForUs) {
      throw refused(`It is for another service; its aud must be ${audience}.`);
    }
    if (claims.lxm !== lxm) {
      throw refused(`It is for another method; its lxm must be ${lxm}.`);
    }
    const now = clock.now() / 1000;
    const { exp, iat, nbf } = claims;
    if (exp <= now) throw refused("It has expired.");
    if (exp > now + MAX_LIFE_S + SKEW_S) {
      throw refused(`It is valid for longer than ${MAX_LIFE_S} seconds.`);
    }
    const begins = Math.max(iat ?? -Infinity, nbf ?? -Infinity);
    if (begins > now + SKEW_S) throw refused("It was made in the future.");
    if (iat !== undefined && iat >= exp) {
      throw refused("It expired before it was made.");
    }
    return issuer;
  }

  async #fits(
    issuer: Did,
    signed: SignedPart,
    fresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const signingKey = await this.#keyOf(issuer, fresh, signal);
    if (signingKey === undefined) return false;
    const key = parseDidKey(signingKey);
    if (key.jwtAlg !== signed.alg) return false;
    // Other libraries create signatures with a high S, which JWT allows.
    return await verifySig(key, signed.signature, signed.data, {
      allowMalleableSig: true,
    });
  }

  async #keyOf(
    issuer: Did,
    fresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    try {
      const options = {
        fresh,
        maxAgeMs: KEY_AGE_MS,
        patienceMs: PATIENCE_MS,
        ...(signal ? { signal } : {}),
      };
      const identity = await this.#deps.identities.resolve(issuer, options);
      return identity.signingKey;
    } catch (error) {
      if (isAppError(error, "NAME_UNKNOWN")) {
        throw refused(`There is no account ${issuer}.`, error);
      }
      // The token names the host of a did:web, so its failures are the
      // caller's; a failing PLC directory is not.
      const own = issuer.startsWith("did:web:") &&
        isAppError(error, "UPSTREAM_FAILED", "UPSTREAM_TIMEOUT");
      if (!own) throw error;
      throw refused(
        `The DID document of ${issuer} cannot be read from its host.`,
        error,
      );
    }
  }

  /** Marks the token as used; a second use is refused. */
  async #useUp(issuer: Did, claims: Claims, body: string): Promise<void> {
    const { kv } = this.#deps;
    // Without jti the other claims identify the token, to the second.
    const key = usedTokenKey(
      issuer,
      claims.jti ?? `body ${await digest(body)}`,
    );
    const expiresAt = (claims.exp + SKEW_S) * 1000;
    const isFirst = await kv.get(key) === undefined &&
      await kv.atomic().check(key, null).set(key, true, { expiresAt }).commit();
    if (!isFirst) throw refused("It was used before; get a new one.");
  }
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

async function digest(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return base64url(
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
  );
}
