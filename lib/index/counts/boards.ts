/**
 * Boards: what is pulled, starred and pushed most. Made every quarter of an
 * hour, each as one value, so that a page is one read.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { type Did, parseDid } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { countOf } from "../../kv/counters.ts";
import type { Key, Kv, ListSelector } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { dayOf } from "../order.ts";
import { peopleKeys } from "../people/kv_keys.ts";
import type { RepoRef, Visible } from "../visible.ts";
import type { MayRead } from "../reading.ts";
import {
  addTo,
  type BoardEntry,
  nameOf,
  type Tally,
  topOf,
  trends,
} from "./board_scores.ts";
import { countKeys } from "./kv_keys.ts";
import type { IndexWatch } from "../watch.ts";

export interface BoardsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly visible: Visible;
  /** Whether the network shows each account, in order. */
  readonly shown: (dids: readonly Did[]) => Promise<readonly boolean[]>;
  /** Receives how popular the repositories are that were pulled in the last 37 days. */
  readonly onPopularity: (
    popular: readonly Popularity[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly watch: IndexWatch;
}

/** How popular a repository is. */
export interface Popularity extends RepoRef {
  readonly stars: number;
  /** Of the last 30 days. */
  readonly pulls: number;
}

/** Repositories by pulls, stars, pushes or trend, and accounts by pushes. */
export type BoardKind = "pulls" | "stars" | "pushes" | "trending" | "accounts";

/** The time that a board is about. Trends are of 7 days, accounts of 30. */
export type BoardWindow = "7d" | "30d" | "all";

const WINDOWS: readonly BoardWindow[] = ["7d", "30d", "all"];

/** A board. */
export interface Board {
  /** When it was made, in milliseconds since the Unix epoch; undefined before the first time. */
  readonly madeAt: number | undefined;
  /** The best first, at most 200. */
  readonly entries: readonly BoardEntry[];
}

/** What stands at {@linkcode countKeys.board}. */
interface BoardRow {
  readonly madeAt: number;
  readonly entries: readonly BoardEntry[];
}

/** Rows of one walk; beyond it, boards are of what was read. */
const MAX_ROWS = 2_000_000;

/** The same counts of several times. */
type Windows = Record<BoardWindow, Tally>;

/** Makes and reads boards. */
export class Boards {
  readonly #deps: BoardsDeps;

  constructor(deps: BoardsDeps) {
    this.#deps = deps;
  }

  /** A board as far as the reader may see it, the first `limit` entries. Throws AppError `NOT_FOUND` where there is no such board. */
  async get(
    kind: BoardKind,
    window: BoardWindow,
    mayRead: MayRead,
    limit = Infinity,
  ): Promise<Board> {
    const { kv, visible, shown, watch } = this.#deps;
    const only = ONE_WINDOW[kind];
    if (only !== undefined && only !== window) {
      throw new AppError(
        "NOT_FOUND",
        `The board ${kind} exists for ${only} only.`,
      );
    }
    const row = (await kv.get<BoardRow>(countKeys.board(kind, window)))?.value;
    watch.rowsRead("boards", 1);
    if (!row) return { madeAt: undefined, entries: [] };
    const { madeAt, entries } = row;
    if (kind === "accounts") {
      const known = await shown(entries.map(({ did }) => did));
      const seen = entries.filter((_, i) => known[i]);
      return { madeAt, entries: seen.slice(0, limit) };
    }
    const repositories = entries.flatMap((entry) =>
      entry.repo === undefined ? [] : [{ ...entry, repo: entry.repo }]
    );
    const first: BoardEntry[] = [];
    for (let at = 0; at < repositories.length && first.length < limit;) {
      // Nearly all are seen by everybody.
      const some = repositories.slice(at, at + limit);
      const seen = await visible(some, mayRead);
      first.push(...some.filter((_, i) => seen[i]));
      at += some.length;
    }
    return { madeAt, entries: first.slice(0, limit) };
  }

  /** Makes all boards again. To be called every quarter of an hour in one instance. */
  async make(signal: AbortSignal): Promise<void> {
    const { kv, clock } = this.#deps;
    const madeAt = clock.now();
    const pulls = await this.#windows(
      countKeys.allPullsOn,
      countKeys.allPulls(),
      signal,
    );
    const pushes = await this.#windows(
      countKeys.allPushesOn,
      countKeys.allPushes(),
      signal,
    );
    const stars = await this.#windows(
      countKeys.allStarsOn,
      peopleKeys.allStarCounts(),
      signal,
    );
    const set = async (kind: BoardKind, window: BoardWindow, tally: Tally) => {
      const row: BoardRow = { madeAt, entries: topOf(tally) };
      await kv.set(countKeys.board(kind, window), row);
    };
    for (const window of WINDOWS) {
      await set("pulls", window, pulls[window]);
      await set("pushes", window, pushes[window]);
      await set("stars", window, stars[window]);
    }
    await set(
      "trending",
      "7d",
      trends({
        pulls7: pulls["7d"],
        pulls30: pulls["30d"],
        stars7: stars["7d"],
        stars30: stars["30d"],
      }),
    );
    await set("accounts", "30d", byOwner(pushes["30d"]));
    await this.#deps.onPopularity(popularity(pulls["30d"], stars.all), signal);
  }

  /** The counts of 7 days, of 30 days and of all time. */
  async #windows(
    days: (day?: number) => Key,
    all: Key,
    signal: AbortSignal,
  ): Promise<Windows> {
    const today = dayOf(this.#deps.clock.now());
    const windows: Windows = {
      "7d": new Map(),
      "30d": new Map(),
      all: new Map(),
    };
    // Of what was pulled in the days before and not since, it is known that it is 0.
    const month = { prefix: days(), start: days(today - 36) };
    await this.#walk(month, signal, (name, count, key) => {
      const day = Number(key.at(-3));
      if (day > today) return;
      addTo(windows["30d"], name, day > today - 30 ? count : 0);
      if (day > today - 7) addTo(windows["7d"], name, count);
    });
    await this.#walk({ prefix: all }, signal, (name, count) => {
      windows.all.set(name, count);
    });
    return windows;
  }

  async #walk(
    selector: ListSelector,
    signal: AbortSignal,
    take: (name: string, count: number, key: Key) => void,
  ): Promise<void> {
    const { kv, log } = this.#deps;
    let rows = 0;
    for await (const { key, value } of kv.list<unknown>(selector)) {
      signal.throwIfAborted();
      if (++rows > MAX_ROWS) {
        log.warn("boards are of a part of the counts", { rows: MAX_ROWS });
        return;
      }
      const did = parseDid(String(key.at(-2)));
      const count = countOf(value);
      if (did && count > 0) take(nameOf(did, String(key.at(-1))), count, key);
    }
  }
}

/** Boards that exist for one time only. */
const ONE_WINDOW: Partial<Record<BoardKind, BoardWindow>> = {
  trending: "7d",
  accounts: "30d",
};

function byOwner(repositories: Tally): Tally {
  const owners: Tally = new Map();
  for (const [name, count] of repositories) {
    addTo(owners, name.slice(0, name.indexOf(" ")), count);
  }
  return owners;
}

function popularity(pulls: Tally, stars: Tally): Popularity[] {
  return [...pulls].map(([name, count]) => {
    const [did, repo = ""] = name.split(" ") as [Did, string];
    return { did, repo, pulls: count, stars: stars.get(name) ?? 0 };
  });
}
