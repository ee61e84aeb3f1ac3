/**
 * Every key that the avatar service stores in KV.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key, ListSelector } from "../kv/kv.ts";

/** Which pictures an account has, and when we last asked. */
export const profileKey = (did: Did): Key => ["avatar", "profile", did];

/** What is known of one picture. */
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

/** All pictures of which something is known. */
export const allImages: Key = ["avatar", "image"];

/** Why a picture was refused; kept for a short time. */
export const refusalKey = (did: Did, cid: string): Key => [
  "avatar",
  "refusal",
  did,
  cid,
];

/** A picture that is no longer in use, sorted by the time at which it goes. */
export const replacedKey = (dueAt: number, did: Did, cid: string): Key => [
  "avatar",
  "replaced",
  dueAt,
  did,
  cid,
];

/** What is due at `now` (milliseconds since the Unix epoch). */
export const replacedKeys = (now: number): ListSelector => ({
  prefix: ["avatar", "replaced"],
  end: ["avatar", "replaced", now + 1],
});

/**
 * An object that is to be removed unless a row speaks of it by then, sorted by
 * the time at which it goes; `name` is that of a variant, or {@linkcode ORIGINAL}.
 */
export const strayKey = (
  dueAt: number,
  did: Did,
  cid: string,
  name: string,
): Key => ["avatar", "stray", dueAt, did, cid, name];

/** All of them. */
export const strayKeys: ListSelector = { prefix: ["avatar", "stray"] };

/** In the key of a stray object: the picture as it was uploaded. */
export const ORIGINAL = "original";

/** Counter of the bytes of all stored objects. */
export const storedBytesKey: Key = ["avatar", "stored_bytes"];

/** When the stored bytes were last counted from the rows, in milliseconds since the Unix epoch. */
export const countedAtKey: Key = ["avatar", "counted_at"];

/** Name of the lease under which one instance removes what is least used. */
export const EVICTION_LEASE = "avatar/eviction";

/** Name of the lease under which one instance makes a variant. */
export const variantLease = (did: Did, cid: string, name: string): string =>
  `avatar/${did}/${cid}/${name}`;

/** Up to where the events of the network were taken, in microseconds since the Unix epoch. */
export const eventsCursorKey: Key = ["avatar", "events", "cursor"];

/** Name of the lease under which one instance listens to the network. */
export const EVENTS_LEASE = "avatar/events";
