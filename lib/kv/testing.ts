/**
 * What tests of things that live in a store share.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Kv } from "./kv.ts";

/** Calls of the store, one after the other, that {@linkcode settle} waits for. */
const TURNS = 20;

/**
 * Lets everything run that waits for `kv`, a store in memory, and nothing that
 * waits for time. Such a store answers in the order it is asked, so that after
 * each call of ours all earlier ones are answered too, however slow the machine.
 */
export async function settle(kv: Pick<Kv, "get">): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await kv.get(["settle"]);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
