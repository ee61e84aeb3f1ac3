/**
 * `app.bsky.feed.getFeedSkeleton`.
 *
 * @module
 */

import { AtUri } from "@atproto/syntax";
import type { HoldFeeds } from "../../../lib/hold/feeds/feeds.ts";
import { isAccount, type RepoDeps } from "../account.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";

/** Returns one page of a feed. */
export function getFeedSkeleton(
  { account, feeds }: Pick<RepoDeps, "account"> & {
    readonly feeds: HoldFeeds;
  },
) {
  return method("app.bsky.feed.getFeedSkeleton", {
    async handle({ params: { feed, limit, cursor } }) {
      const uri = new AtUri(feed);
      const isOurs = isAccount(account, uri.host) &&
        uri.collection === "app.bsky.feed.generator";
      const page = isOurs
        ? await feeds.skeleton(uri.rkey, limit, cursor)
        : undefined;
      if (!page) refuse("This hold has no such feed.", "UnknownFeed");
      return {
        feed: page.posts.map((post) => ({ post })),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },
  });
}
