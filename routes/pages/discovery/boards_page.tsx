/**
 * Boards: what is pulled, starred and pushed most.
 *
 * @module
 */

import type {
  BoardKind,
  BoardWindow,
} from "../../../lib/index/counts/boards.ts";
import { renderPage } from "../document.tsx";
import { Age, countOf } from "../parts/format.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import { boardUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";

/** A board of repositories. */
export type RepositoryBoard = Exclude<BoardKind, "accounts">;

/** A repository with its number on the board. */
export interface RankedItem {
  readonly item: RepositoryItem;
  readonly value: number;
}

/** Content of the page. */
export interface BoardsPageProps extends Asked {
  readonly by: RepositoryBoard;
  readonly window: BoardWindow;
  readonly ranked: readonly RankedItem[];
  /** When the board was made, in milliseconds since the Unix epoch; undefined before the first time. */
  readonly madeAt: number | undefined;
}

const BOARDS: Readonly<Record<RepositoryBoard, string>> = {
  pulls: "Pulls",
  stars: "Stars",
  pushes: "Pushes",
  trending: "Trending",
};

const WINDOWS: Readonly<Record<BoardWindow, string>> = {
  "7d": "7 days",
  "30d": "30 days",
  all: "all time",
};

/** Renders the page. */
export function boardsPage(props: BoardsPageProps): string {
  const { visitor, by, window, ranked, madeAt, now } = props;
  const values = new Map(ranked.map(({ item, value }) => [item, value]));
  return renderPage({
    title: `Top by ${BOARDS[by].toLowerCase()}`,
    visitor,
    isWide: true,
    children: (
      <>
        <h1 class="page-title">Top repositories</h1>
        <nav class="tabs" aria-label="Boards">
          {Object.entries(BOARDS).map(([board, name]) => (
            <a
              key={board}
              href={boardUrl({ by: board === "pulls" ? undefined : board })}
              {...(board === by ? { "aria-current": "page" } : {})}
            >
              {name}
            </a>
          ))}
        </nav>
        <div class="row tools">
          {by === "trending"
            ? (
              <span class="small soft">
                more pulls and stars in the last 7 days than the weeks before
                lead to expect
              </span>
            )
            : <Windows by={by} window={window} />}
          {madeAt !== undefined && (
            <span class="small soft end">
              counted <Age at={madeAt} now={now} />
            </span>
          )}
        </div>
        {ranked.length === 0
          ? (
            <section class="panel empty">
              <h2>Nothing to rank yet</h2>
              <p class="soft">
                Boards are made every quarter of an hour from what was counted.
              </p>
            </section>
          )
          : (
            <div class="panel numbered">
              <RepositoryList
                items={ranked.map(({ item }) => item)}
                now={now}
                figure={(item) => figureOf(by, values.get(item) ?? 0)}
              />
            </div>
          )}
      </>
    ),
  });
}

function figureOf(by: RepositoryBoard, value: number): string {
  if (by === "pulls") return countOf(value, "pull");
  if (by === "stars") return countOf(value, "star");
  return by === "pushes" ? countOf(value, "push", "pushes") : "";
}

function Windows({ by, window }: { by: RepositoryBoard; window: BoardWindow }) {
  return (
    <nav class="platform-list" aria-label="Time">
      {Object.entries(WINDOWS).map(([one, name]) => (
        <a
          key={one}
          href={boardUrl({
            by: by === "pulls" ? undefined : by,
            in: one === "7d" ? undefined : one,
          })}
          {...(one === window ? { "aria-current": "true" } : {})}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}
