/**
 * Helpers for tests of code that uses a store.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Kv } from "./kv.ts";

/** Number of sequential store calls that {@linkcode settle} waits for. */
const TURNS = 20;

/**
 * Lets all work proceed that waits for `kv`, an in-memory store, but none that
 * waits for time. Such a store answers calls in order, so that after each of
 * our calls all earlier ones are answered too, however slow the machine is.
 */
export async function settle(kv: Pick<Kv, "get">): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await kv.get(["settle"]);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
