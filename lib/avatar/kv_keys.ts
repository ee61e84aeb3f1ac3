/**
 * KV keys of the avatar service.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key, ListSelector } from "../kv/kv.ts";

/** The pictures of an account, and when its PDS was last queried. */
export const profileKey = (did: Did): Key => ["avatar", "profile", did];

/** The row of one picture. */
export const imageKey = (did: Did, cid: string): Key => [
  "avatar",
  "image",
  did,
  cid,
];

/** A stored variant. */
export const variantKey = (did: Did, cid: string, name: string): Key => [
  "avatar",
  "variant",
  did,
  cid,
  name,
];

/** All stored variants of a picture. */
export const variantKeys = (did: Did, cid: string): ListSelector => ({
  prefix: ["avatar", "variant", did, cid],
});

/** All stored variants. */
export const allVariants: Key = ["avatar", "variant"];

/** All pictures with a row. */
export const allImages: Key = ["avatar", "image"];

/** Why a picture was refused; kept for a short time. */
export const refusalKey = (did: Did, cid: string): Key => [
  "avatar",
  "refusal",
  did,
  cid,
];

/** A picture that is no longer in use, sorted by the time of its removal. */
export const replacedKey = (dueAt: number, did: Did, cid: string): Key => [
  "avatar",
  "replaced",
  dueAt,
  did,
  cid,
];

/** Selects what is due at `now` (milliseconds since the Unix epoch). */
export const replacedKeys = (now: number): ListSelector => ({
  prefix: ["avatar", "replaced"],
  end: ["avatar", "replaced", now + 1],
});

/**
 * An object to be removed unless a row refers to it by then, sorted by the time
 * of its removal; `name` is that of a variant, or {@linkcode ORIGINAL}.
 */
export const strayKey = (
  dueAt: number,
  did: Did,
  cid: string,
  name: string,
): Key => ["avatar", "stray", dueAt, did, cid, name];

/** All stray objects. */
export const strayKeys: ListSelector = { prefix: ["avatar", "stray"] };

/** The name of the uploaded picture in the key of a stray object. */
export const ORIGINAL = "original";

/** Counter of the bytes of all stored objects. */
export const storedBytesKey: Key = ["avatar", "stored_bytes"];

/** When the stored bytes were last counted from the rows, in milliseconds since the Unix epoch. */
export const countedAtKey: Key = ["avatar", "counted_at"];

/** Lease of the instance that evicts the least used variants. */
export const EVICTION_LEASE = "avatar/eviction";

/** Lease of the instance that renders a variant. */
export const variantLease = (did: Did, cid: string, name: string): string =>
  `avatar/${did}/${cid}/${name}`;

/** Cursor of the network events, in microseconds since the Unix epoch. */
export const eventsCursorKey: Key = ["avatar", "events", "cursor"];

/** Lease of the instance that follows the network. */
export const EVENTS_LEASE = "avatar/events";

/** One of a fixed number of places for pictures of other sites. */
export const remotePictureKey = (place: number): Key => [
  "avatar",
  "remote",
  place,
];
