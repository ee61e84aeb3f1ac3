/**
 * What an account did.
 *
 * @module
 */

import { ownerFeedUrl } from "../../published/urls.ts";
import { renderPage } from "../document.tsx";
import { Feed, type FeedItem } from "../parts/feed.tsx";
import { profileUrl } from "../urls.ts";
import type { AskedAccount } from "./deps.ts";
import { ProfileHead } from "./profile_head.tsx";

/** Content of the page. */
export interface AccountActivityPageProps extends AskedAccount {
  readonly items: readonly FeedItem[];
  readonly cursor: string | undefined;
  readonly isLater: boolean;
}

/** Renders the page. */
export function accountActivityPage(props: AccountActivityPageProps): string {
  const { visitor, name, items, cursor, isLater, now } = props;
  return renderPage({
    title: `Activity of ${name}`,
    visitor,
    isWide: true,
    feed: ownerFeedUrl(name),
    children: (
      <>
        <ProfileHead asked={props} current="activity" />
        <div class="below-tabs">
          {items.length > 0
            ? (
              <div class="panel">
                <Feed items={items} now={now} />
              </div>
            )
            : (
              <section class="panel empty">
                <h2>{isLater ? "Nothing older is kept" : "No activity"}</h2>
                <p class="soft">
                  Pushes and stars of the last 400 days stand here.
                </p>
              </section>
            )}
          {(cursor !== undefined || isLater) && (
            <nav class="row paging" aria-label="Pages">
              {isLater && (
                <a class="button" href={profileUrl(name, "activity")}>Newest</a>
              )}
              {cursor !== undefined && (
                <a
                  class="button"
                  rel="next"
                  href={profileUrl(name, "activity", { cursor })}
                >
                  Older
                </a>
              )}
            </nav>
          )}
        </div>
      </>
    ),
  });
}
