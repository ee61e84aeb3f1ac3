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

/** Name of the lease under which one instance makes a variant. */
export const variantLease = (did: Did, cid: string, name: string): string =>
  `avatar/${did}/${cid}/${name}`;

/** Up to where the events of the network were taken, in microseconds since the Unix epoch. */
export const eventsCursorKey: Key = ["avatar", "events", "cursor"];

/** Name of the lease under which one instance listens to the network. */
export const EVENTS_LEASE = "avatar/events";
