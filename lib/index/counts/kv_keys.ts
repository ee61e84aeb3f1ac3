/**
 * Keys of counts, activity and boards.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import { newestFirst } from "../order.ts";
import { INDEX_VERSION } from "../version.ts";

/** Rows that no PDS gives back. */
const observed = (...parts: readonly (string | number)[]): Key => [
  "observed",
  ...parts,
];

/** Rows that can be made again. */
const derived = (...parts: readonly (string | number)[]): Key => [
  "index",
  INDEX_VERSION,
  ...parts,
];

/** Key builders and prefixes. Days are numbers of `dayOf`. */
export const countKeys = {
  /** Pulls of a repository on a day; a counter, as those of the next four. */
  pullsOn: (day: number, did: Did, repo: string) =>
    observed("pulls_on", day, did, repo),
  allPullsOn: (day?: number) =>
    day === undefined ? observed("pulls_on") : observed("pulls_on", day),
  pullsOfTag: (did: Did, repo: string, day: number, tag: string) =>
    observed("pulls_tag", did, repo, day, tag),
  pullsOfTags: (did: Did, repo: string, day?: number) =>
    day === undefined
      ? observed("pulls_tag", did, repo)
      : observed("pulls_tag", did, repo, day),
  pullsIn: (month: string, did: Did, repo: string) =>
    observed("pulls_in", month, did, repo),
  pulls: (did: Did, repo: string) => observed("pulls", did, repo),
  allPulls: () => observed("pulls"),
  pushesOn: (day: number, did: Did, repo: string) =>
    observed("pushes_on", day, did, repo),
  allPushesOn: (day?: number) =>
    day === undefined ? observed("pushes_on") : observed("pushes_on", day),
  pushes: (did: Did, repo: string) => observed("pushes", did, repo),
  allPushes: () => observed("pushes"),
  starsOn: (day: number, did: Did, repo: string) =>
    derived("stars_on", day, did, repo),
  allStarsOn: (day?: number) =>
    day === undefined ? derived("stars_on") : derived("stars_on", day),

  /** That a push was counted; expires. */
  pushSeen: (did: Did, repo: string, tag: string, at: number) =>
    observed("push_seen", did, repo, tag, at),
  /** That a batch of sums was applied; expires. */
  flushed: (id: string) => observed("flushed", id),

  /** Pulls that a hold was received from registries of this store; a counter. */
  reported: (did: Did, repo: string, hold: Did) =>
    observed("reported", did, repo, hold),
  /** What a hold says of a repository. */
  holdStats: (did: Did, repo: string, hold: Did) =>
    observed("hold_stats", did, repo, hold),
  allHoldStats: (did: Did, repo: string) => observed("hold_stats", did, repo),
  /** That such a row has changed since its counts were added. */
  unsettled: (did: Did, repo: string, hold: Did) =>
    observed("unsettled", did, repo, hold),
  allUnsettled: () => observed("unsettled"),

  /** What happened, of everybody and of an account; expires. */
  activity: (at: number, id: string) =>
    observed("activity", newestFirst(at), id),
  allActivity: () => observed("activity"),
  activityOf: (did: Did, at: number, id: string) =>
    observed("activity_of", did, newestFirst(at), id),
  allActivityOf: (did: Did) => observed("activity_of", did),

  /** Bytes and blobs of a hold at the end of a day. */
  storage: (hold: Did, day: number) => observed("storage", hold, day),
  storageOf: (hold: Did) => observed("storage", hold),

  board: (kind: string, window: string) => derived("board", kind, window),
} as const;
