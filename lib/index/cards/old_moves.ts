/**
 * Moves of tags beyond those that are kept.
 *
 * @module
 */

import type { Key, Kv } from "../../kv/kv.ts";
import { cardKeys } from "./kv_keys.ts";

/** Moves of one tag that are kept, besides the time after which each expires. */
const MAX_MOVES = 200;

/** Removes the oldest moves of tags that have moved more often; returns how many. */
export async function dropOldMoves(kv: Kv): Promise<number> {
  let tag = "";
  let count = 0;
  let dropped = 0;
  for await (const { key } of kv.list({ prefix: cardKeys.allTagMoves() })) {
    const name = nameOf(key);
    count = name === tag ? count + 1 : 1;
    tag = name;
    if (count <= MAX_MOVES) continue;
    await kv.delete(key);
    dropped++;
  }
  return dropped;
}

function nameOf(key: Key): string {
  return key.slice(0, -1).join("\0");
}
