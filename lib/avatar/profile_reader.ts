/**
 * Finds the pictures of an account in its profile records.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../did.ts";
import type { RepoRecord } from "../atproto/pds/pds.ts";
import { isBlobCid } from "./object_keys.ts";
import type { PictureRef } from "./rows.ts";
import type { PictureSource } from "./upstream.ts";

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
