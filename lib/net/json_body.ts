/**
 * JSON from other servers.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/**
 * Reads a response body as JSON, not validated. Its size is bounded by the
 * guarded fetch.
 *
 * Throws AppError `UPSTREAM_FAILED` naming `host` when it is not JSON.
 */
export async function readJson(
  response: Response,
  host: string,
): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError(
      "UPSTREAM_FAILED",
      `The server ${host} answered with something that is not JSON (status ${response.status}). Try again in a while.`,
      { cause },
    );
  }
}
