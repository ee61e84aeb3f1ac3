/**
 * Errors for failed logins and sessions.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { foreignText } from "../../text.ts";
import { pdsError, XrpcFailure } from "./xrpc.ts";

const MAKE_ONE =
  "Make an app password in the settings of your account (on Bluesky: https://bsky.app/settings/app-passwords)";

/** Converts a failure of `createSession` at `pds` for `name`. */
export function loginError(error: unknown, name: string, pds: string): unknown {
  const { host } = new URL(pds);
  if (!(error instanceof XrpcFailure)) return pdsError(error, pds);
  if (error.error === "AuthFactorTokenRequired") {
    return new AppError(
      "UNAUTHORIZED",
      `The PDS at ${host} wants a second factor for the main password of ${name}, which a container client cannot give. ${MAKE_ONE} and use it in place of the password.`,
      { cause: error },
    );
  }
  const status = accountStatus(error);
  if (status) return inactive(name, host, status, error);
  if (error.status === 401 || error.status === 403 || isWrongPassword(error)) {
    return wrongPassword(name, error);
  }
  if (error.status === 400) {
    return new AppError(
      "UNAUTHORIZED",
      `The PDS at ${host} refused the login of ${name}: ${error.reason}. ${MAKE_ONE} and use it here.`,
      { cause: error },
    );
  }
  return pdsError(error, pds);
}

/** The status of an inactive account, from the name of an error; undefined for other errors. */
export function accountStatus({ error }: XrpcFailure): string | undefined {
  return /^Account(Taken?down|Suspended|Deactivated|Deleted|Inactive)$/i
    .exec(error)?.[1]?.toLowerCase();
}

/**
 * Whether a PDS that answers a wrong password with 400 means that: some give
 * the error a name of its own, some a message, and some neither.
 */
function isWrongPassword({ status, error, reason }: XrpcFailure): boolean {
  return status === 400 && (
    /^(?:AuthenticationRequired|(?:Invalid|Wrong)(?:Login|Password|Credentials?|Identifier))$/i
      .test(error) ||
    /\b(?:invalid|incorrect|wrong|bad)\b.*\b(?:identifier|username|handle|password|login|credentials?)\b/i
      .test(reason) ||
    error === "InvalidRequest" &&
      (reason === "status 400" || reason === "InvalidRequest")
  );
}

/** The password is wrong. */
export function wrongPassword(name: string, cause?: unknown): AppError {
  return new AppError(
    "UNAUTHORIZED",
    `The password for ${name} is wrong. Use an app password, not the password of the account. ${MAKE_ONE}.`,
    cause === undefined ? {} : { cause },
  );
}

/** The password is right, but it is the account password. */
export function accountPassword(name: string): AppError {
  return new AppError(
    "UNAUTHORIZED",
    `This is the password of the account ${name} itself, which allows everything and is not taken here. ${MAKE_ONE} and use it in place of this one.`,
  );
}

/** The account is inactive at its PDS; `status` says why. */
export function inactive(
  name: string,
  host: string,
  status: string | undefined,
  cause?: unknown,
): AppError {
  const how = foreignText(status?.slice(0, 40) ?? "inactive")
    .replace(/^taken?down$/, "taken down");
  return new AppError(
    "UNAUTHORIZED",
    `The account ${name} is ${how} at its PDS ${host} and cannot be used until that changes there.`,
    cause === undefined ? {} : { cause },
  );
}

/** The session cannot be refreshed any more. */
export function sessionEnded(did: Did, cause?: unknown): AppError {
  return new AppError(
    "UNAUTHORIZED",
    `The session of ${did} has ended. Sign in again with an app password (docker login).`,
    cause === undefined ? {} : { cause },
  );
}
