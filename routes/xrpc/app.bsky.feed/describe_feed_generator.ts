/**
 * `app.bsky.feed.describeFeedGenerator`.
 *
 * @module
 */

import type { HoldFeeds } from "../../../lib/hold/feeds/feeds.ts";
import type { RepoDeps } from "../account.ts";
import { method } from "../mount.ts";

/** Lists the feeds that the hold has published. */
export function describeFeedGenerator(
  { account, feeds }: Pick<RepoDeps, "account"> & {
    readonly feeds: HoldFeeds;
  },
) {
  return method("app.bsky.feed.describeFeedGenerator", {
    async handle() {
      const uris = await feeds.published();
      return { did: account.did, feeds: uris.map((uri) => ({ uri })) };
    },
  });
}
