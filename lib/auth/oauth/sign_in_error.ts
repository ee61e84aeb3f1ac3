/**
 * Converts errors of a sign-in to sentences that say what to do.
 *
 * @module
 */

import {
  OAuthCallbackError,
  OAuthResolverError,
  OAuthResponseError,
  TokenInvalidError,
  TokenRefreshError,
  TokenRevokedError,
} from "@atproto/oauth-client-node";
import { AppError } from "../../errors.ts";

/** Maximum length of a PDS's text that is passed on. */
const MAX_REASON = 200;

/** The client's message for a response from another server. */
const OTHER_ISSUER = /^(?:Issuer mismatch|Issuer not found|iss missing)/;

/** The client's message for an incomplete response. */
const INCOMPLETE = /^(?:Missing "|JARM not supported)/;

/** The error for the user who signs in. `cause` keeps the original for the log. */
export function signInError(error: unknown): AppError {
  const chain = causes(error);
  const known = chain.find((link) => link instanceof AppError);
  if (known) return known;
  const refused = chain.find((link) => link instanceof OAuthResponseError);
  if (refused) return refusedByServer(refused, error);
  const callback = chain.find((link) => link instanceof OAuthCallbackError);
  const code = callback?.params.get("error");
  if (callback && code) return toldByServer(callback, code);
  if (chain.some((link) => OTHER_ISSUER.test(link.message))) {
    return new AppError(
      "DENIED",
      "The answer came from another server than the one that was asked. Nothing of it was taken. Start again.",
      { cause: error },
    );
  }
  if (callback && INCOMPLETE.test(callback.message)) {
    return new AppError(
      "INVALID_REQUEST",
      "The answer of your PDS is incomplete. Start again.",
      { cause: error },
    );
  }
  if (chain.some((link) => link instanceof OAuthResolverError)) {
    return new AppError(
      "UPSTREAM_FAILED",
      "Your PDS does not say where to sign in. It may not support OAuth; with docker login an app password works all the same.",
      { cause: error },
    );
  }
  return new AppError(
    "UPSTREAM_FAILED",
    "Signing in did not work, because your PDS gave an answer that cannot be used. Try again in a while.",
    { cause: error },
  );
}

/** Whether the session of the account has ended, so that it must sign in again. */
export function isSessionOver(error: unknown): boolean {
  return causes(error).some((link) =>
    link instanceof TokenRefreshError || link instanceof TokenRevokedError ||
    link instanceof TokenInvalidError
  );
}

/**
 * Whether the server accepts none of the requested scopes. Servers that know no
 * granular scopes may reject the client that asks for them.
 */
export function isInvalidScope(error: unknown): boolean {
  return causes(error).some((link) =>
    link instanceof OAuthResponseError &&
    (link.error === "invalid_scope" ||
      link.error === "invalid_client_metadata")
  );
}

/** An error of the token or authorization request endpoint. */
function refusedByServer(
  refused: OAuthResponseError,
  cause: unknown,
): AppError {
  const reason = clean(refused.errorDescription ?? refused.error ?? "");
  const clock = refused.error === "invalid_dpop_proof" ||
    /\b(iat|exp|nbf|clock|timestamp)\b/i.test(reason);
  if (clock) {
    return new AppError(
      "UPSTREAM_FAILED",
      "Your PDS does not take the time stamps of this server: one of the two clocks is wrong. Report this to the operator of this registry.",
      { cause },
    );
  }
  if (refused.error === "invalid_grant") {
    return new AppError(
      "INVALID_REQUEST",
      "Your PDS no longer takes this sign-in: it was used before or took too long. Start again.",
      { cause },
    );
  }
  return new AppError(
    "UPSTREAM_FAILED",
    `Your PDS refused the sign-in: ${reason || `status ${refused.status}`}.`,
    { cause },
  );
}

/** An error in the redirect from the PDS. */
function toldByServer(callback: OAuthCallbackError, code: string): AppError {
  const reason = clean(callback.params.get("error_description") ?? "");
  const options = { cause: callback };
  switch (code) {
    case "access_denied":
      return new AppError(
        "DENIED",
        "You did not allow it at your PDS, so you are not signed in.",
        options,
      );
    case "invalid_scope":
      return new AppError(
        "DENIED",
        "Your PDS does not know the permissions that this registry needs.",
        options,
      );
    case "server_error":
    case "temporarily_unavailable":
      return new AppError(
        "UPSTREAM_FAILED",
        "Your PDS has trouble at the moment. Try again in a while.",
        options,
      );
    default:
      return new AppError(
        "UPSTREAM_FAILED",
        `Your PDS ended the sign-in: ${reason || clean(code)}. Start again.`,
        options,
      );
  }
}

/** Text of another server, shortened and on one line. */
function clean(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, " ").trim().slice(0, MAX_REASON)
    .replace(/\.$/, "");
}

/** `error` and its causes. */
export function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  let link = error;
  while (link instanceof Error && chain.length < 10) {
    chain.push(link);
    link = link.cause;
  }
  return chain;
}
