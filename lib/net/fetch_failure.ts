/**
 * Errors for failed requests to other servers.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/**
 * Why a request failed: `refused` by our own check, `no-such-host`, or the
 * `connection` failed. In the detail of the AppError.
 */
export type FetchFailure = "refused" | "no-such-host" | "connection";

/** The error for a URL that the guard refuses. */
export function refusal(url: URL, why: string): AppError {
  return failed(url.host, "refused", `The server ${url.host} ${why}.`);
}

/** The error for a server that could not be reached; the cause says why. */
export function upstreamFailure(host: string, cause: unknown): AppError {
  return isNoSuchHost(cause)
    ? failed(
      host,
      "no-such-host",
      `There is no server named ${host}.`,
      cause,
    )
    : failed(
      host,
      "connection",
      `The server ${host} could not be reached. Try again in a while.`,
      cause,
    );
}

/** Returns why the guarded fetch failed, or undefined for any other error. */
export function fetchFailure(error: unknown): FetchFailure | undefined {
  if (!(error instanceof AppError) || error.code !== "UPSTREAM_FAILED") {
    return undefined;
  }
  const { detail } = error;
  if (typeof detail !== "object" || detail === null) return undefined;
  const reason = "reason" in detail ? detail.reason : undefined;
  return reason === "refused" || reason === "no-such-host" ||
      reason === "connection"
    ? reason
    : undefined;
}

function failed(
  host: string,
  reason: FetchFailure,
  message: string,
  cause?: unknown,
): AppError {
  return new AppError("UPSTREAM_FAILED", message, {
    detail: { host, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

function isNoSuchHost(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "ENOTFOUND" || error.code === "ENODATA");
}
