/**
 * Waiting for what happens by itself, in the background or in another process.
 *
 * @module
 */

import assert from "node:assert/strict";

/** The longest wait, in milliseconds; nothing takes so long on the slowest machine. */
const LIMIT_MS = 60_000;

const PAUSE_MS = 20;

/** Asks until `done` says yes. Fails after a minute with what `state` says. */
export async function until(
  done: () => boolean | Promise<boolean>,
  state: () => unknown = () => "it did not happen",
): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS;
  while (!await done()) {
    if (Date.now() > giveUpAt) assert.fail(JSON.stringify(await state()));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
