/**
 * Errors of using an account's OAuth session: the account has to sign in again,
 * or its server cannot refresh the tokens at the moment.
 *
 * @module
 */

import { OAuthResponseError } from "@atproto/oauth-client-node";
import { XrpcFailure } from "../../atproto/pds/xrpc.ts";
import { AppError } from "../../errors.ts";
import { causes, isSessionOver } from "./sign_in_error.ts";

/**
 * Converts an error of a call with an OAuth session. An error response of the
 * PDS to the call itself is returned as it is. What does not end the session is
 * `UNAVAILABLE` or `TOOMANYREQUESTS`: the tokens are kept, and a later call
 * refreshes them.
 */
export function sessionError(error: unknown): unknown {
  if (error instanceof XrpcFailure) return error;
  if (isSessionOver(error)) {
    return new AppError(
      "UNAUTHORIZED",
      "Your sign-in at your PDS has ended. Sign in again on the web page of this registry.",
      { cause: error },
    );
  }
  const chain = causes(error);
  const known = chain.find((link) => link instanceof AppError);
  if (known) return known;
  const refused = chain.find((link) => link instanceof OAuthResponseError);
  if (refused?.status === 429) {
    const seconds = Number(refused.headers.get("retry-after") ?? NaN);
    return new AppError(
      "TOOMANYREQUESTS",
      "Your PDS renews no sign-ins for now. Try again later.",
      {
        cause: error,
        ...(seconds >= 0 ? { retryAfterSeconds: seconds } : {}),
      },
    );
  }
  if (refused?.error === "invalid_client") {
    return new AppError(
      "UNAVAILABLE",
      "Your PDS does not accept this registry as a client at the moment, so your sign-in there cannot be renewed. Try again in a while; if it persists, report it to the operator of this registry.",
      { cause: error },
    );
  }
  return new AppError(
    "UNAVAILABLE",
    "Your sign-in at your PDS cannot be renewed, because the server there gave no answer that can be used. Try again in a while.",
    { cause: error },
  );
}
