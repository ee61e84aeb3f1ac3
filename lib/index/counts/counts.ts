/**
 * Everything that is counted, joined.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { StarObserver } from "../people/star_rows.ts";
import type { RecordHandler } from "../record_change.ts";
import type { Visible } from "../visible.ts";
import { Activities } from "./activity.ts";
import { noteStar } from "./activity_rows.ts";
import { Boards, type BoardsDeps } from "./boards.ts";
import { HoldStats, type HoldStatsDeps } from "./hold_stats.ts";
import { foldOldDays } from "./old_days.ts";
import { PullCounter } from "./pull_counter.ts";
import { Pulls } from "./pulls.ts";
import { StorageGrowth } from "./storage_growth.ts";
import type { IndexWatch } from "../watch.ts";

export interface CountsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly holdsOf: HoldStatsDeps["holdsOf"];
  readonly visible: Visible;
  /** Whether the network shows each account, in order. */
  readonly shown: BoardsDeps["shown"];
  readonly onPopularity: BoardsDeps["onPopularity"];
  readonly watch: IndexWatch;
}

/** Counts of pulls, pushes and stars, and what is made of them. */
export interface Counts {
  /** Counts pulls of this instance. */
  readonly counter: PullCounter;
  readonly pulls: Pulls;
  readonly activities: Activities;
  readonly boards: Boards;
  readonly storage: StorageGrowth;
  readonly onStar: StarObserver;
  /** Take what the network says. */
  readonly records: readonly RecordHandler[];
  /** Adds what holds have counted, and makes boards; for one instance every quarter of an hour. */
  readonly refresh: (signal: AbortSignal) => Promise<void>;
  /** Folds what is older than 400 days; for one instance once a day. Returns how many rows went. */
  readonly fold: (signal: AbortSignal) => Promise<number>;
}

/** Joins the parts. */
export function createCounts(deps: CountsDeps): Counts {
  const { clock } = deps;
  const stats = new HoldStats(deps);
  const activities = new Activities(deps);
  const boards = new Boards(deps);
  return {
    counter: new PullCounter(deps),
    pulls: new Pulls(deps),
    activities,
    boards,
    storage: new StorageGrowth(deps),
    onStar: {
      starred: (commit, star, by) => noteStar(commit, star, by, clock.now()),
    },
    records: [activities, stats],
    refresh: async (signal) => {
      await stats.settle(signal);
      await boards.make(signal);
    },
    fold: (signal) => foldOldDays(deps, signal),
  };
}
