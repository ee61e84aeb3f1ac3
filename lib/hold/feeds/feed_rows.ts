/**
 * Rows of feeds: one for each post and feed that it belongs to, written in the
 * commit that writes the post.
 *
 * @module
 */

import type { Key } from "../../kv/kv.ts";
import { holdKeys } from "../kv_keys.ts";
import { COLLECTIONS } from "../records.ts";
import { feedName, subjectOfPost } from "./feed_names.ts";

/** A record that a commit changes. */
export interface PostEdit {
  readonly collection: string;
  readonly rkey: string;
  /** As it was; undefined when there was none. */
  readonly before: () => unknown;
  /** As it is now; undefined when it was deleted. */
  readonly after: () => unknown;
}

/** A row to be set; deleted, where `row` is undefined. */
export interface FeedRow {
  readonly key: Key;
  readonly row: unknown;
}

/** The rows that change with a commit of the hold. */
export function feedRows(edits: readonly PostEdit[]): FeedRow[] {
  return edits.flatMap(({ collection, rkey, before, after }) => {
    if (collection !== COLLECTIONS.post) return [];
    const [was, is] = [feedsOf(before()), feedsOf(after())];
    return [
      ...was.filter((feed) => !is.includes(feed))
        .map((feed) => ({
          key: holdKeys.feedPost(feed, rkey),
          row: undefined,
        })),
      ...is.map((feed) => ({ key: holdKeys.feedPost(feed, rkey), row: 1 })),
    ];
  });
}

/** The feeds of a post; none where there is no post. */
function feedsOf(record: unknown): string[] {
  if (record === undefined) return [];
  const { owner, repository } = subjectOfPost(record);
  return [
    feedName({}),
    ...(owner === undefined ? [] : [feedName({ owner })]),
    ...(repository === undefined ? [] : [feedName({ owner, repository })]),
  ];
}
