/**
 * Keys of what is known of people: who they are, what they star and pin, and
 * how they describe their repositories.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import { newestFirst } from "../order.ts";
import { INDEX_VERSION } from "../version.ts";

/** Derived rows: they can be dropped and made again. */
const derived = (...parts: readonly (string | number)[]): Key => [
  "index",
  INDEX_VERSION,
  ...parts,
];

/** Key builders and prefixes. */
export const peopleKeys = {
  actor: (did: Did): Key => derived("actor", did),
  /** The account that had a handle before the one it has; expires. */
  formerHandle: (handle: string): Key => derived("former_handle", handle),

  /** That `actor` stars the repository. */
  star: (did: Did, repo: string, actor: Did): Key =>
    derived("star", did, repo, actor),
  stars: (did: Did, repo: string): Key => derived("star", did, repo),
  everyStar: (): Key => derived("star"),
  starsOf: (did: Did): Key => derived("star", did),
  /** How many star the repository; a counter. */
  starCount: (did: Did, repo: string): Key => derived("star_count", did, repo),
  allStarCounts: (): Key => derived("star_count"),
  /** What `actor` stars, newest first. */
  starred: (actor: Did, at: number, did: Did, repo: string): Key =>
    derived("starred", actor, newestFirst(at), did, repo),
  allStarred: (actor: Did): Key => derived("starred", actor),
  everyStarred: (): Key => derived("starred"),
  /** The star that a record stands for. */
  starRecord: (actor: Did, rkey: string): Key =>
    derived("star_record", actor, rkey),
  starRecords: (actor: Did): Key => derived("star_record", actor),
  everyStarRecord: (): Key => derived("star_record"),
  /** When all stars of an account were last read at its PDS. */
  starsListed: (actor: Did): Key => derived("stars_listed", actor),

  /** Whom an account follows, of those who are known here. */
  follows: (did: Did): Key => derived("follows", did),

  page: (did: Did, repo: string): Key => derived("page", did, repo),
  pages: (did: Did): Key => derived("page", did),
  everyPage: (): Key => derived("page"),
  /** Part `part` (from 0) of the text of a page. */
  pageText: (did: Did, repo: string, part: number): Key =>
    derived("page_text", did, repo, part),
  pageTexts: (did: Did): Key => derived("page_text", did),
  everyPageText: (): Key => derived("page_text"),

  /** Repositories that an account shows first; no record has a field for them. */
  pins: (did: Did): Key => ["observed", "pins", did],
} as const;
