/**
 * The pictures of an account at its PDS, and the profile records that name
 * them. What an account does not show is absent, and a PDS that fails is not
 * the client's fault.
 *
 * @module
 */

import { z } from "zod";
import type { PdsReader, RepoRecord } from "../atproto/pds/pds.ts";
import { XrpcFailure } from "../atproto/pds/xrpc.ts";
import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import { isBlobCid } from "./picture_keys.ts";
import type { PictureRef } from "./picture_rows.ts";

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

/** The pictures of an account. */
export interface Pictures {
  readonly avatar: PictureRef | undefined;
  readonly banner: PictureRef | undefined;
}

/** Profile records have this key in every collection. */
const RKEY = "self";

const cid = z.string().refine(isBlobCid);
const mimeType = z.string().max(200);

/** A blob reference, in the current form and the one before 2023. */
const blob = z.union([
  z.object({
    $type: z.literal("blob"),
    ref: z.object({ $link: cid }),
    mimeType,
    size: z.number().int().nonnegative(),
  }).transform(({ ref, mimeType, size }) => ({
    cid: ref.$link,
    mimeType,
    size,
  })),
  z.object({ cid, mimeType }).transform((old) => ({
    ...old,
    size: undefined,
  })),
]);

/**
 * Reads the pictures of `did` from its PDS. One call if the first collection
 * has an avatar; otherwise a second one lists the existing collections, which
 * are read concurrently. Throws like {@linkcode PictureSource}.
 */
export async function readPictures(
  reader: PictureSource,
  pds: string,
  did: Did,
  collections: readonly string[],
  signal: AbortSignal,
): Promise<Pictures> {
  const [first, ...others] = collections;
  if (first === undefined) return { avatar: undefined, banner: undefined };
  const best = picturesOf(
    await reader.getRecord(pds, did, first, RKEY, signal),
    first,
  );
  if (best.avatar !== undefined || others.length === 0) return best;
  const existing = await reader.listCollections(pds, did, signal);
  const rest = await Promise.all(
    others.filter((collection) => existing.includes(collection)).map(
      async (collection) =>
        picturesOf(
          await reader.getRecord(pds, did, collection, RKEY, signal),
          collection,
        ),
    ),
  );
  return {
    avatar: rest.find(({ avatar }) => avatar !== undefined)?.avatar,
    banner: best.banner ??
      rest.find(({ banner }) => banner !== undefined)?.banner,
  };
}

/** The pictures of one record; malformed ones count as absent. */
function picturesOf(
  record: RepoRecord | undefined,
  collection: string,
): Pictures {
  const picture = (value: unknown): PictureRef | undefined => {
    const parsed = blob.safeParse(value);
    if (record === undefined || !parsed.success) return undefined;
    return { ...parsed.data, uri: record.uri, collection };
  };
  return {
    avatar: picture(record?.value.avatar),
    banner: picture(record?.value.banner),
  };
}
