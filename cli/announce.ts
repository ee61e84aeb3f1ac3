/**
 * Announces the hold to the network after the start.
 *
 * @module
 */

import type { AppContext } from "../lib/context.ts";

/**
 * Writes the hold's profile and asks its relays to crawl it. Never throws: the
 * server runs even if these fail.
 */
export async function announceHold(
  { hold, config, log }: AppContext,
  signal: AbortSignal,
): Promise<void> {
  if (!hold) return;
  const quietly = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) log.warn(what, { error });
    }
  };
  await Promise.all([
    quietly(
      "profile of the hold not written",
      () => hold.start.ensureProfile(signal),
    ),
    quietly("relays not asked to crawl", async () => {
      const { relays } = config.hold;
      if (relays.length === 0) return;
      for (const answer of await hold.start.requestCrawl(relays, signal)) {
        if (answer.accepted) log.info("relay crawls", { ...answer });
        else log.warn("relay does not crawl", { ...answer });
      }
    }),
  ]);
}
