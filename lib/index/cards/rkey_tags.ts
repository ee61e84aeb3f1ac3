/**
 * Tags that the key of an `io.atcr.tag` record can stand for. Where its tag is
 * among them, no row is needed to find it when the record is deleted.
 *
 * @module
 */

import { isTag } from "../../oci/name.ts";

/** Most ways to read a key; a key with more gets a row. */
const MAX_READINGS = 6;

/** A repository with one of its tags. */
export interface TagPlace {
  readonly repo: string;
  readonly tag: string;
}

/** The readings of `rkey` as `tagRkey` and `tagRkeyAlternative` make it; none where they are too many. */
export function placesOfRkey(rkey: string): TagPlace[] {
  const colon = rkey.indexOf(":");
  if (colon >= 0) return place(rkey, colon);
  const places: TagPlace[] = [];
  for (let i = rkey.indexOf("_"); i >= 0; i = rkey.indexOf("_", i + 1)) {
    places.push(...place(rkey, i));
    if (places.length > MAX_READINGS) return [];
  }
  return places;
}

/** Whether {@linkcode placesOfRkey} finds the tag. */
export function isReadFrom(rkey: string, { repo, tag }: TagPlace): boolean {
  return placesOfRkey(rkey)
    .some((place) => place.repo === repo && place.tag === tag);
}

function place(rkey: string, at: number): TagPlace[] {
  const repo = rkey.slice(0, at).replaceAll("~", "/");
  const tag = rkey.slice(at + 1);
  return repo !== "" && isTag(tag) ? [{ repo, tag }] : [];
}
