/**
 * Who calls `/v2/`, by the Bearer token, and what the token allows.
 *
 * @module
 */

import type { Identity } from "../../lib/atproto/identity.ts";
import type { Did } from "../../lib/atproto/identity.ts";
import { rule } from "../../lib/auth/policy.ts";
import type {
  Action,
  RegistryTokens,
  TokenClaims,
} from "../../lib/auth/registry_tokens.ts";
import { AppError } from "../../lib/errors.ts";
import { parseAuthorization } from "../../lib/oci/www_authenticate.ts";

/** A request lacks a token, or has one that does not go far enough: the client is sent to the token endpoint. */
export class ChallengeError extends AppError {
  /** Set when the token is good but does not name the action. */
  readonly insufficientScope: boolean;

  constructor(message: string, insufficientScope: boolean, cause?: unknown) {
    super("UNAUTHORIZED", message, { cause });
    this.insufficientScope = insufficientScope;
  }
}

/** The claims of the request's token; undefined without one. Throws AppError `UNAUTHORIZED` for a bad one. */
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

/** Whether the token names `action` on the repository. */
function grants(
  claims: TokenClaims,
  action: Action,
  did: Did,
  repo: string,
): boolean {
  return claims.grants.some((grant) =>
    grant.did === did && grant.repo === repo && grant.actions.includes(action)
  );
}

/** Who reads `repo`: the token's owner where the token allows it, else somebody without login. */
export function readerOf(
  claims: TokenClaims | undefined,
  owner: Identity,
  repo: string,
): Did | undefined {
  return claims && grants(claims, "pull", owner.did, repo)
    ? claims.did
    : undefined;
}

/**
 * The caller, who may do `action` to `repo`. Throws {@linkcode ChallengeError}
 * when another token could help, and AppError `DENIED` when none could.
 */
export function requireAction(
  claims: TokenClaims | undefined,
  action: Action,
  owner: Identity,
  repo: string,
): Did {
  const ruling = rule(claims?.did, action, owner);
  if (claims?.did === undefined) {
    throw new ChallengeError(
      ruling.allowed ? "Log in first." : ruling.reason,
      claims !== undefined,
    );
  }
  if (!ruling.allowed) throw new AppError("DENIED", ruling.reason);
  if (!grants(claims, action, owner.did, repo)) {
    throw new ChallengeError(
      `The token does not allow to ${action} here; the login may not be meant for that.`,
      true,
    );
  }
  return claims.did;
}
