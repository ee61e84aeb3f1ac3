/**
 * The caller of `/v2/`, from the Bearer token, and its rights.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import type { Identity } from "../../lib/atproto/identity/identity.ts";
import { isPermitted } from "../../lib/auth/permissions.ts";
import { notMeantFor, rule } from "../../lib/auth/policy.ts";
import type {
  Action,
  RegistryTokens,
  TokenClaims,
} from "../../lib/auth/registry_tokens.ts";
import { AppError } from "../../lib/errors.ts";
import type { RepoRef } from "../../lib/registry/manifests/manifest_index.ts";
import { parseAuthorization } from "../../lib/oci/www_authenticate.ts";

/** A request has no token, or an insufficient one: the client is sent to the token endpoint. */
export class ChallengeError extends AppError {
  /** Set when the token is valid but does not include the action. */
  readonly insufficientScope: boolean;

  constructor(message: string, insufficientScope: boolean, cause?: unknown) {
    super("UNAUTHORIZED", message, { cause });
    this.insufficientScope = insufficientScope;
  }
}

/**
 * The claims of the request's token; undefined without one. Throws AppError
 * `UNAUTHORIZED` for an invalid one.
 */
export async function claimsOf(
  request: Request,
  tokens: RegistryTokens,
): Promise<TokenClaims | undefined> {
  const credentials = parseAuthorization(request.headers.get("authorization"));
  if (!credentials) return undefined;
  if (credentials.scheme === "basic") {
    throw new AppError(
      "UNAUTHORIZED",
      "Send the credentials to the token endpoint named in the challenge, not here.",
    );
  }
  return await tokens.verify(credentials.token);
}

/**
 * Whether the token allows or refuses `action` on the repository; undefined
 * when it was not requested.
 */
function verdict(
  claims: TokenClaims | undefined,
  action: Action,
  did: Did,
  repo: string,
): "allowed" | "refused" | undefined {
  // The same repository may have been requested by handle and by DID.
  const grants = (claims?.grants ?? []).filter((grant) =>
    grant.did === did && grant.repo === repo
  );
  if (grants.some(({ actions }) => actions.includes(action))) return "allowed";
  return grants.some(({ refused }) => refused?.includes(action))
    ? "refused"
    : undefined;
}

/** The reader of `repo`: the token's holder if the token allows it, else an anonymous reader. */
export function readerOf(
  claims: TokenClaims | undefined,
  owner: Identity,
  repo: string,
): Did | undefined {
  return verdict(claims, "pull", owner.did, repo) === "allowed"
    ? claims?.did
    : undefined;
}

/** Bytes of a token's end that tell it apart from others. */
const TOKEN_END = 24;

/** The same for the requests of one pull, which have one token; undefined without a token. */
export function clientOf(request: Request): string | undefined {
  return request.headers.get("authorization")?.slice(-TOKEN_END);
}

/** Whether the token allows to push to the repository. */
export function mayPush(
  claims: TokenClaims | undefined,
  owner: Identity,
  repo: string,
): boolean {
  return verdict(claims, "push", owner.did, repo) === "allowed";
}

/**
 * The account with which the catalog reads a repository: the token's holder if
 * the token includes the repository or the catalog scope, else anonymous.
 */
export function catalogReader(
  claims: TokenClaims | undefined,
): (ref: RepoRef) => Did | undefined {
  const caller = claims?.did;
  if (!claims || caller === undefined) return () => undefined;
  const permissions = (claims.catalog ?? []).map((pattern) => ({
    pattern,
    actions: ["pull"] as const,
  }));
  return ({ did, repo }) =>
    verdict(claims, "pull", did, repo) === "allowed" ||
      isPermitted(permissions, caller, "pull", did, repo)
      ? caller
      : undefined;
}

/** The repositories that the token allows to pull from, and the account. */
export function readableBy(
  claims: TokenClaims | undefined,
): (RepoRef & { reader: Did | undefined })[] {
  return (claims?.grants ?? []).flatMap(({ did, repo, actions }) =>
    actions.includes("pull") ? [{ did, repo, reader: claims?.did }] : []
  );
}

/**
 * Returns the caller if it may do `action` on `repo`. Throws
 * {@linkcode ChallengeError} when another token could help, and AppError
 * `DENIED` when none could.
 */
export function requireAction(
  claims: TokenClaims | undefined,
  action: Action,
  owner: Identity,
  repo: string,
): Did {
  const decision = rule(claims?.did, action, owner);
  const asked = verdict(claims, action, owner.did, repo);
  if (asked === "refused") {
    throw new AppError(
      "DENIED",
      decision.allowed ? notMeantFor(action, owner, repo) : decision.reason,
    );
  }
  if (claims?.did === undefined) {
    throw new ChallengeError(
      decision.allowed ? "Log in first." : decision.reason,
      claims !== undefined,
    );
  }
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
  if (asked !== "allowed") {
    throw new ChallengeError(
      `The token does not allow to ${action} here; ask for one that does.`,
      true,
    );
  }
  return claims.did;
}
