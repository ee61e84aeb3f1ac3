/**
 * A PDS as the source of pictures: content of inactive accounts is absent, and
 * failures of a PDS are not the client's.
 *
 * @module
 */

import type { PdsReader } from "../atproto/pds/pds.ts";
import { XrpcFailure } from "../atproto/pds/xrpc.ts";
import { AppError, isAppError } from "../errors.ts";

/**
 * Queries for pictures. They throw AppError `UPSTREAM_FAILED` and
 * `UPSTREAM_TIMEOUT` for any failure of a PDS, and `UNPROCESSABLE` for a
 * picture of too many bytes.
 */
export type PictureSource = Pick<
  PdsReader,
  "getRecord" | "listCollections" | "getBlob"
>;

/** Errors for repos that are inactive or missing. */
const HIDDEN = [
  "RepoDeactivated",
  "RepoNotFound",
  "RepoSuspended",
  "RepoTakendown",
];

/** A picture source over `reader`. */
export function pictureSource(reader: PdsReader): PictureSource {
  return {
    getRecord: (pds, did, collection, rkey, signal) =>
      ask(
        pds,
        signal,
        () => reader.getRecord(pds, did, collection, rkey, signal),
      ),
    listCollections: async (pds, did, signal) =>
      await ask(pds, signal, () => reader.listCollections(pds, did, signal)) ??
        [],
    getBlob: (pds, did, cid, options) =>
      ask(pds, options.signal, async () => {
        try {
          return await reader.getBlob(pds, did, cid, options);
        } catch (error) {
          if (!isAppError(error, "TOO_LARGE")) throw error;
          throw new AppError(
            "UNPROCESSABLE",
            `The picture has more than ${options.maxBytes} bytes, the most that are taken. Upload a smaller one.`,
            { cause: error },
          );
        }
      }),
  };
}

/** Returns the result of a query, or undefined if the account is inactive. */
async function ask<T>(
  pds: string,
  signal: AbortSignal | undefined,
  question: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await question();
  } catch (error) {
    if (isHidden(error)) return undefined;
    if (signal?.aborted) {
      const { host } = new URL(pds);
      throw new AppError(
        "UPSTREAM_TIMEOUT",
        `The PDS at ${host} did not answer in time. Try again in a while.`,
        { cause: error },
      );
    }
    if (!isAppError(error, "UNAVAILABLE", "TOOMANYREQUESTS", "TOO_LARGE")) {
      throw error;
    }
    const code = isAppError(error.cause, "UPSTREAM_TIMEOUT")
      ? "UPSTREAM_TIMEOUT"
      : "UPSTREAM_FAILED";
    throw new AppError(code, error.message, { cause: error });
  }
}

function isHidden(error: unknown): boolean {
  const failure = error instanceof AppError ? error.cause : undefined;
  if (!(failure instanceof XrpcFailure)) return false;
  return HIDDEN.includes(failure.error) ||
    // The reference PDS identifies a deactivated account only by its message.
    failure.status === 400 &&
      /^could not (?:locate record|find repo)/i.test(failure.reason);
}
