/**
 * The token service of the registry: authenticates the caller and grants
 * scopes.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Identity, ResolveOptions } from "../atproto/identity/identity.ts";
import { inParallel } from "../async/in_parallel.ts";
import { LateCalls } from "../async/late_calls.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { Metrics } from "../metrics.ts";
import { parseImageName } from "../oci/name.ts";
import type { Scope } from "../oci/scope.ts";
import type { Credential } from "./credential.ts";
import type { CredentialVerifier, Principal } from "./credentials.ts";
import type { LookUpLimit } from "./look_up_limit.ts";
import { ruleForLogin } from "./policy.ts";
import type { RefreshTokens } from "./refresh_tokens.ts";
import type { Action, Grant, RegistryTokens } from "./registry_tokens.ts";

export interface TokenServiceDeps {
  clock: Clock;
  tokens: RegistryTokens;
  credentials: CredentialVerifier;
  /** Issues the refresh tokens that clients store instead of a password. */
  refreshTokens: RefreshTokens;
  /** Finds the owner of a repository by handle or DID. */
  resolveOwner: (
    identifier: string,
    options?: Omit<ResolveOptions, "fresh">,
  ) => Promise<Identity>;
  /** Limits lookups without login. */
  lookUps: Pick<LookUpLimit, "admit">;
  /** Time to record for a login made now, in seconds since the Unix epoch. */
  loginTime: (did: Did | undefined) => Promise<number>;
  /** Called after every successful login. */
  onLogin: (principal: Principal) => Promise<void>;
  metrics: Metrics;
}

/** A request for a token. */
export interface TokenRequest {
  /** Absent for an anonymous token. */
  credentials:
    | { username: string; secret: string }
    | { refreshToken: string }
    | undefined;
  scopes: readonly Scope[];
  /** Whether the client requests a refresh token as well. */
  offline?: boolean;
  /** Network address of the client. */
  from?: string;
}

/** A token with its metadata for the client. */
export interface IssuedToken {
  token: string;
  expiresInSeconds: number;
  issuedAt: Date;
  /** The one that was sent, or a new one if requested. */
  refreshToken: string | undefined;
}

interface Holder {
  did: Did;
  credential: Credential;
}

/** Options for resolving an owner again before a refusal. */
const CURRENT = { maxAgeMs: 60_000, patienceMs: 2_000 } as const;

/** Concurrent owner lookups, and the time limit for all of them, in milliseconds. */
const PARALLEL = 10;
const GRANTS_MS = 6_000;
/** Without a reason, an abort makes an error with a stack. */
const TOO_LATE = "the owners of the scopes were not found in time";

type FindOwner = (
  identifier: string,
  options?: typeof CURRENT,
) => Promise<Identity>;

const ACTIONS: readonly Action[] = ["pull", "push", "delete"];

/** Grants registry tokens (Docker token authentication specification). */
export class TokenService {
  readonly #deps: TokenServiceDeps;
  readonly #late: LateCalls;

  constructor(deps: TokenServiceDeps) {
    this.#deps = deps;
    this.#late = new LateCalls(deps.clock, GRANTS_MS);
  }

  /**
   * Issues a token for the requested actions that are allowed. Denied actions
   * are omitted, as the specification requires, and recorded as refused, so
   * that the registry can refuse them with the reason. Throws AppError
   * `UNAUTHORIZED` for wrong credentials.
   */
  async issue(request: TokenRequest): Promise<IssuedToken> {
    const { tokens, metrics } = this.#deps;
    try {
      const principal = await this.#login(request);
      const grants = await this.#grants(request, principal);
      const holder = principal && holderOf(principal);
      const catalog = principal && request.scopes.some(isCatalog)
        ? principal.pulls ?? ["*"]
        : undefined;
      const loginAt = await this.#deps.loginTime(holder?.did);
      const { token, issuedAt } = tokens.issue(
        holder,
        grants,
        catalog,
        loginAt,
      );
      const refreshToken = await this.#refreshToken(
        request,
        principal,
        loginAt,
      );
      metrics.tokens.inc({ outcome: principal ? "login" : "anonymous" });
      const expiresInSeconds = tokens.ttlSeconds;
      return { token, issuedAt, expiresInSeconds, refreshToken };
    } catch (error) {
      metrics.tokens.inc({ outcome: "refused" });
      throw error;
    }
  }

  async #login(
    { credentials, from }: TokenRequest,
  ): Promise<Principal | undefined> {
    if (!credentials) return undefined;
    const verifier = this.#deps.credentials;
    if ("refreshToken" in credentials) {
      return await verifier.verifyRefreshToken(credentials.refreshToken);
    }
    const { username, secret } = credentials;
    const principal = await verifier.verify(username, secret, from);
    await this.#deps.onLogin(principal);
    return principal;
  }

  async #refreshToken(
    { credentials, offline }: TokenRequest,
    principal: Principal | undefined,
    loginAt: number,
  ): Promise<string | undefined> {
    if (credentials && "refreshToken" in credentials) {
      return credentials.refreshToken;
    }
    if (!offline || !principal) return undefined;
    const { identity: { did, pds }, credential } = principal;
    return await this.#deps.refreshTokens.issue(
      did,
      credential,
      credential.kind === "password" ? pds : undefined,
      loginAt,
    );
  }

  /** Grants for all scopes, in order; owners that cannot be resolved in time get none. */
  async #grants(
    request: TokenRequest,
    principal: Principal | undefined,
  ): Promise<Grant[]> {
    const limit = new AbortController();
    const inTime = this.#late.add(() => limit.abort(TOO_LATE));
    try {
      return await this.#grantsUntil(limit.signal, request, principal);
    } finally {
      inTime();
    }
  }

  async #grantsUntil(
    signal: AbortSignal,
    { scopes, from }: TokenRequest,
    principal: Principal | undefined,
  ): Promise<Grant[]> {
    const { lookUps, resolveOwner } = this.#deps;
    // Logged-in callers are not limited.
    const admission = principal === undefined
      ? { beforeAsking: () => lookUps.admit(from) }
      : {};
    const found = new Map<string, Promise<Identity>>();
    const find: FindOwner = (owner, options) => {
      if (options) return resolveOwner(owner, { ...options, signal });
      const known = found.get(owner) ??
        resolveOwner(owner, { signal, patienceMs: 2_000, ...admission });
      found.set(owner, known);
      return known;
    };
    const grants = await inParallel(scopes, PARALLEL, async (scope) => {
      if (signal.aborted) return undefined;
      try {
        return await this.#grant(principal, scope, find);
      } catch (error) {
        if (signal.aborted) return undefined;
        throw error;
      }
    });
    return grants.filter((grant) => grant !== undefined);
  }

  async #grant(
    principal: Principal | undefined,
    scope: Scope,
    resolveOwner: FindOwner,
  ): Promise<Grant | undefined> {
    if (scope.type !== "repository") return undefined;
    try {
      const { owner, repository } = parseImageName(scope.name);
      const wanted = scope.actions.includes("*") ? ACTIONS : ACTIONS.filter(
        (action) => scope.actions.includes(action),
      );
      if (wanted.length === 0) return undefined;
      const grantTo = (identity: Identity): Grant => {
        const isAllowed = (action: Action) =>
          ruleForLogin(principal, action, identity, repository).allowed;
        return {
          did: identity.did,
          repo: repository,
          actions: wanted.filter(isAllowed),
          refused: wanted.filter((action) => !isAllowed(action)),
        };
      };
      const grant = grantTo(await resolveOwner(owner.value));
      if (principal === undefined || grant.refused?.length === 0) return grant;
      // The caller may have acquired the handle since it was resolved.
      return grantTo(await resolveOwner(owner.value, CURRENT));
    } catch (error) {
      // An unknown name grants nothing; the registry reports the reason.
      if (isAppError(error)) return undefined;
      throw error;
    }
  }
}

function holderOf({ identity, credential }: Principal): Holder {
  return { did: identity.did, credential };
}

/** The scope that clients request to list repositories: `registry:catalog:*`. */
function isCatalog({ type, name, actions }: Scope): boolean {
  return type === "registry" && name === "catalog" && actions.includes("*");
}
