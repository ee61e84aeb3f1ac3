/**
 * The feed generator of a hold: its posts, all of them or those about one
 * account or repository, for people to subscribe to (`app.bsky.feed.generator`).
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { holdKeys } from "../kv_keys.ts";
import { COLLECTIONS, type HoldRecords } from "../records.ts";
import {
  feedName,
  type FeedSubject,
  HOLD_FEED,
  parseFeedName,
} from "./feed_names.ts";
import { feedRows } from "./feed_rows.ts";

export interface HoldFeedsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly records: HoldRecords;
}

/** How a feed is shown. */
export interface FeedLook {
  /** At most 24 characters count. */
  readonly displayName: string;
  /** At most 300 characters count. */
  readonly description: string;
}

/** One page of a feed, newest posts first. */
export interface FeedSkeleton {
  /** AT-URIs. */
  readonly posts: readonly string[];
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

// Limits of the lexicon, in graphemes.
const MAX_NAME = 24;
const MAX_DESCRIPTION = 300;

/** A record key that the hold made. */
const TID = /^[2-7a-z]{13}$/;

/** Posts that are put into rows together. */
const CHUNK = 100;

/** Reads and publishes feeds. */
export class HoldFeeds {
  readonly #deps: HoldFeedsDeps;

  constructor(deps: HoldFeedsDeps) {
    this.#deps = deps;
  }

  /** AT-URIs of the feeds that are published. */
  async published(): Promise<string[]> {
    const uris: string[] = [];
    const all = this.#deps.records.allRecords(COLLECTIONS.feed);
    for await (const { uri } of all) uris.push(uri);
    return uris;
  }

  /**
   * One page of the feed with this record key; undefined where there is no such
   * feed. `limit` is at most 100. Throws AppError `INVALID_REQUEST` for a bad
   * cursor.
   */
  async skeleton(
    name: string,
    limit: number,
    cursor: string | undefined,
  ): Promise<FeedSkeleton | undefined> {
    const { kv, records } = this.#deps;
    const subject = parseFeedName(name);
    if (!subject) return undefined;
    if (cursor !== undefined && !TID.test(cursor)) {
      throw new AppError(
        "INVALID_REQUEST",
        "The cursor is none of this feed; leave it out to begin at the start.",
      );
    }
    const prefix = holdKeys.feedPosts(feedName(subject));
    const selector = cursor === undefined
      ? { prefix }
      : { prefix, end: [...prefix, cursor] };
    const found = await Array.fromAsync(
      kv.list(selector, { limit: limit + 1, reverse: true }),
      ({ key }) => String(key.at(-1)),
    );
    const page = found.slice(0, limit);
    return {
      posts: page.map((rkey) =>
        `at://${records.did}/${COLLECTIONS.post}/${rkey}`
      ),
      cursor: found.length > limit ? page.at(-1) : undefined,
    };
  }

  /** Publishes a feed, or changes how it is shown; returns its AT-URI. */
  async publish(subject: FeedSubject, look: FeedLook): Promise<string> {
    const { records, clock } = this.#deps;
    const rkey = feedName(subject);
    const present = await records.getRecord(COLLECTIONS.feed, rkey);
    await this.indexPosts();
    await records.apply([{
      action: "put",
      collection: COLLECTIONS.feed,
      rkey,
      value: {
        createdAt: new Date(clock.now()).toISOString(),
        ...present?.value,
        did: records.did,
        displayName: short(look.displayName, MAX_NAME),
        description: short(look.description, MAX_DESCRIPTION),
      },
    }]);
    return `at://${records.did}/${COLLECTIONS.feed}/${rkey}`;
  }

  /** Takes a feed back; its posts stay. Returns whether it was published. */
  async remove(subject: FeedSubject): Promise<boolean> {
    const { records } = this.#deps;
    const rkey = feedName(subject);
    const collection = COLLECTIONS.feed;
    if (!await records.getRecord(collection, rkey)) return false;
    await records.apply([{ action: "delete", collection, rkey }]);
    return true;
  }

  /** Makes rows for posts that have none, such as those written before there were any. */
  async indexPosts(): Promise<void> {
    const { kv, records } = this.#deps;
    let commit = kv.atomic();
    let posts = 0;
    for await (const { rkey, value } of records.allRecords(COLLECTIONS.post)) {
      const known = await kv.get(holdKeys.feedPost(HOLD_FEED, rkey));
      if (known) continue;
      const edit = {
        ...{ collection: COLLECTIONS.post, rkey },
        before: () => undefined,
        after: () => value,
      };
      for (const { key, row } of feedRows([edit])) commit.set(key, row);
      if (++posts % CHUNK > 0) continue;
      await commit.commit();
      commit = kv.atomic();
    }
    if (posts % CHUNK > 0) await commit.commit();
  }
}

/** Cuts a text to `length` graphemes. */
function short(text: string, length: number): string {
  const parts = [...new Intl.Segmenter("en").segment(text)];
  return parts.slice(0, length).map(({ segment }) => segment).join("");
}
