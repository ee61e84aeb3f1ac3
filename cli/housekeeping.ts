/**
 * Work that comes round while the server runs: dead uploads are swept.
 *
 * @module
 */

import type { AppContext } from "../lib/context.ts";

/** Pause between two rounds, in milliseconds. */
const INTERVAL_MS = 10 * 60_000;

/** The first round comes soon: a crash may have left something behind. */
const FIRST_MS = 5_000;

/** Starts the rounds; `stop` waits for a round that is running. */
export function startHousekeeping(
  ctx: AppContext,
): { stop: () => Promise<void> } {
  const stopped = new AbortController();
  const run = async () => {
    await ctx.clock.sleep(FIRST_MS, stopped.signal);
    while (!stopped.signal.aborted) {
      await sweep(ctx);
      await ctx.clock.sleep(INTERVAL_MS, stopped.signal);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

async function sweep(ctx: AppContext): Promise<void> {
  try {
    const uploads = await ctx.hold?.uploads.sweep() ?? 0;
    const events = await ctx.hold?.repo.sweep() ?? 0;
    if (uploads + events > 0) ctx.log.info("swept", { uploads, events });
  } catch (error) {
    ctx.log.error("sweep failed", { error });
  }
}
