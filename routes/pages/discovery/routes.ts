/**
 * Serves the pages of discovery: start, search, activity, boards.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { BoardWindow } from "../../../lib/index/counts/boards.ts";
import type { AppEnv } from "../../middleware.ts";
import { activityPage } from "./activity_page.tsx";
import { boardsPage, type RepositoryBoard } from "./boards_page.tsx";
import { type Asked, askedOf, choiceOf, type DiscoveryDeps } from "./deps.ts";
import { home, homeOf } from "./home.ts";
import { feedItems, repositoryItems } from "./lists.ts";
import { refusedSearch, search } from "./search.ts";
import { suggestions } from "./suggestions.ts";

const ACTIVITY_LIMIT = 40;
const BOARD_LIMIT = 50;

const BOARDS = ["pulls", "stars", "pushes", "trending"] as const;
const WINDOWS = ["7d", "30d", "all"] as const;

/** Serves `/`, `/search`, `/activity` and `/top`. */
export function discoveryRoutes(deps: DiscoveryDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/", async (c) => {
    const asked = await askedOf(deps, c);
    const did = asked.visitor.account?.did;
    return c.html(
      did ? await homeOf(deps, asked, did) : await home(deps, asked),
    );
  });
  app.get("/search", async (c) => {
    const asked = await askedOf(deps, c);
    try {
      const answer = await search(deps, asked);
      return "found" in answer
        ? c.redirect(answer.found, 302)
        : c.html(answer.html);
    } catch (error) {
      if (!isAppError(error, "INVALID_REQUEST")) throw error;
      return c.html(refusedSearch(asked, error.message), 400);
    }
  });
  app.get("/search/suggestions", async (c) => {
    c.set("surface", "api");
    const asked = await askedOf(deps, c);
    return c.json({ suggestions: await suggestions(deps, asked) });
  });
  app.get("/search/opensearch", async (c) => {
    c.set("surface", "api");
    const asked = await askedOf(deps, c);
    const found = await suggestions(deps, asked);
    // The form in which search fields of browsers expect them.
    const body = JSON.stringify([
      asked.query.get("q") ?? "",
      found.map(({ before, name }) => `${before}${name}`),
      found.map(({ kind }) => kind),
      found.map(({ href }) => new URL(href, c.req.url).href),
    ]);
    return c.body(body, 200, {
      "content-type": "application/x-suggestions+json",
    });
  });
  app.get("/activity", async (c) => {
    return c.html(await activity(deps, await askedOf(deps, c)));
  });
  app.get("/top", async (c) => {
    return c.html(await board(deps, await askedOf(deps, c)));
  });
  return app;
}

async function activity(deps: DiscoveryDeps, asked: Asked): Promise<string> {
  const cursor = asked.query.get("cursor") || undefined;
  const { activities } = deps.social.counts;
  const page = await activities.all(
    { limit: ACTIVITY_LIMIT, cursor },
    asked.mayRead,
  );
  return activityPage({
    ...asked,
    items: await feedItems(deps, page.items, asked.mayRead),
    cursor: page.cursor,
    isLater: cursor !== undefined,
  });
}

async function board(deps: DiscoveryDeps, asked: Asked): Promise<string> {
  const { by, window } = readBoard(asked.query);
  const { index, social } = deps;
  const { entries, madeAt } = await social.counts.boards.get(
    ...[by, window, asked.mayRead, BOARD_LIMIT] as const,
  );
  const found = await Promise.all(entries.map(async ({ did, repo, value }) => {
    if (repo === undefined) return [];
    const card = await index.cards.card(did, repo, asked.mayRead);
    return card ? [{ listed: { did, repo, card }, value }] : [];
  }));
  const ranked = found.flat();
  const items = await repositoryItems(
    deps,
    ranked.map(({ listed }) => listed),
  );
  return boardsPage({
    ...asked,
    ...{ by, window, madeAt },
    ranked: items.map((item, i) => ({ item, value: ranked[i]?.value ?? 0 })),
  });
}

/** Reads which board is asked for. Throws AppError `INVALID_REQUEST` for one that does not exist. */
function readBoard(
  query: URLSearchParams,
): { by: RepositoryBoard; window: BoardWindow } {
  const by = choiceOf(BOARDS, query.get("by"));
  const window = choiceOf(WINDOWS, query.get("in"));
  if (by && window) {
    return { by, window: by === "trending" ? "7d" : window };
  }
  throw new AppError(
    "INVALID_REQUEST",
    `There are boards by ${BOARDS.join(", ")}, each in ${WINDOWS.join(", ")}.`,
  );
}
