/**
 * Somebody's PDS as those see it who only want a picture: what an account does
 * not show is absent, and a PDS that fails is no fault of whoever asks.
 *
 * @module
 */

import type { PdsReader } from "../atproto/pds/pds.ts";
import { XrpcFailure } from "../atproto/pds/xrpc.ts";
import { AppError, isAppError } from "../errors.ts";

/**
 * The questions that have to do with pictures. They throw AppError
 * `UPSTREAM_FAILED` and `UPSTREAM_TIMEOUT` for whatever goes wrong with a PDS,
 * and `UNPROCESSABLE` for a picture of too many bytes.
 */
export type PictureSource = Pick<
  PdsReader,
  "getRecord" | "listCollections" | "getBlob"
>;

/** Errors for repos that are not shown, or not there. */
const HIDDEN = [
  "RepoDeactivated",
  "RepoNotFound",
  "RepoSuspended",
  "RepoTakendown",
];

/** Asks `reader`. */
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

/** The answer to a question, undefined where the account is not shown. */
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
    // The reference PDS tells of a deactivated account by its sentence alone.
    failure.status === 400 &&
      /^could not (?:locate record|find repo)/i.test(failure.reason);
}
