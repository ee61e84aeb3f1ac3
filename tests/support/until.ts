/**
 * Waits for background work or another process.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Maximum wait in milliseconds, generous for slow machines. */
const LIMIT_MS = 60_000;

const PAUSE_MS = 20;

/** Polls until `done` returns true. Fails after a minute with the result of `state`. */
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
