/**
 * What happens in the network.
 *
 * @module
 */

import { LivePushes } from "../../../islands/live_pushes.tsx";
import { renderPage } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { NETWORK_FEED } from "../../published/urls.ts";
import { Feed, type FeedItem } from "../parts/feed.tsx";
import { activityUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";

/** Content of the page. */
export interface ActivityPageProps extends Asked {
  readonly items: readonly FeedItem[];
  readonly cursor: string | undefined;
  readonly isLater: boolean;
}

/** Renders the page. */
export function activityPage(props: ActivityPageProps): string {
  const { visitor, items, cursor, isLater, now } = props;
  return renderPage({
    title: "Activity",
    visitor,
    isWide: true,
    feed: NETWORK_FEED,
    children: (
      <>
        <h1 class="page-title">Activity</h1>
        <p class="soft">
          Pushes and stars of the whole network, as far as they are public, from
          the last 30 days.
        </p>
        {!isLater && <Island name="live_pushes" of={LivePushes} props={{}} />}
        {items.length > 0
          ? (
            <div class="panel">
              <Feed items={items} now={now} />
            </div>
          )
          : (
            <section class="panel empty">
              <h2>{isLater ? "Nothing older is kept" : "Nothing yet"}</h2>
              <p class="soft">
                What is pushed stands here within seconds.
              </p>
            </section>
          )}
        {(cursor !== undefined || isLater) && (
          <nav class="row paging" aria-label="Pages">
            {isLater && <a class="button" href={activityUrl()}>Newest</a>}
            {cursor !== undefined && (
              <a class="button" rel="next" href={activityUrl({ cursor })}>
                Older
              </a>
            )}
          </nav>
        )}
      </>
    ),
  });
}
