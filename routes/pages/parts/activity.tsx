/**
 * A page of what happened, with links to older ones.
 *
 * @module
 */

import { Feed, type FeedItem } from "./feed.tsx";
import { Paging } from "./paging.tsx";

/** One page of events. */
export interface ActivityItems {
  readonly items: readonly FeedItem[];
  /** Of the next page; undefined on the last one. */
  readonly cursor: string | undefined;
  /** Whether this is not the first page. */
  readonly isLater: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** The events, or what stands where there are none. */
export function Activity(
  { page, urlOf, none, hint }: {
    page: ActivityItems;
    /** Address of a page, the first one without a cursor. */
    urlOf: (cursor?: string) => string;
    /** Heading where nothing happened. */
    none: string;
    /** Text below it. */
    hint: string;
  },
) {
  const { items, cursor, isLater, now } = page;
  return (
    <>
      {items.length > 0
        ? (
          <div class="panel">
            <Feed items={items} now={now} />
          </div>
        )
        : (
          <section class="panel empty">
            <h2>{isLater ? "Nothing older is kept" : none}</h2>
            <p class="soft">{hint}</p>
          </section>
        )}
      <Paging
        cursor={cursor}
        isLater={isLater}
        urlOf={urlOf}
        first="Newest"
        more="Older"
      />
    </>
  );
}
