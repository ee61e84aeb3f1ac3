/**
 * KV keys of share pictures.
 *
 * @module
 */

import type { Key } from "../kv/kv.ts";

/** One of a fixed number of places for pictures. */
export const sharePlaceKey = (place: number): Key => [
  "share",
  "picture",
  place,
];
