/**
 * Serves the pages of accounts: profile, stars, activity.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { AppError, isAppError } from "../../../lib/errors.ts";
import { parseOwner } from "../../../lib/oci/name.ts";
import type { AppEnv } from "../../middleware.ts";
import { askedOf } from "../discovery/deps.ts";
import { feedItems, repositoryItems } from "../discovery/lists.ts";
import { ownerOf } from "../owner_of.ts";
import { pdsAway } from "../parts/pds_away.tsx";
import { profileUrl, type ProfileView } from "../urls.ts";
import { accountActivityPage } from "./account_activity_page.tsx";
import type { AskedAccount, PeopleDeps } from "./deps.ts";
import { changePins } from "./pins.ts";
import { profile } from "./profile.ts";
import { starsPage } from "./stars_page.tsx";

const LIMIT = 30;

/** Renders one page of an account. */
type Render = (deps: PeopleDeps, asked: AskedAccount) => Promise<string>;

/** Serves `/u/…`. */
export function peopleRoutes(deps: PeopleDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const serve = (path: string, view: ProfileView | undefined, render: Render) =>
    app.get(path, async (c) => {
      const asked = await accountOf(deps, c);
      const { name, owner, query } = asked;
      if (c.req.param("owner") !== name) {
        return c.redirect(profileUrl(name, view, Object.fromEntries(query)));
      }
      await deps.owners.requireShown(owner);
      return c.html(await render(deps, asked));
    });
  app.post(
    "/u/:owner/pins",
    async (c) => await changePins(deps, c, await accountOf(deps, c)),
  );
  serve("/u/:owner", undefined, (...args) => profile(...args));
  serve("/u/:owner/stars", "stars", stars);
  serve("/u/:owner/activity", "activity", activity);
  return app;
}

async function accountOf(
  deps: PeopleDeps,
  c: Context<AppEnv>,
): Promise<AskedAccount> {
  const asked = await askedOf(deps, c);
  const text = c.req.param("owner") ?? "";
  const { actors } = deps.social.people;
  const admit = asked.visitor.account
    ? () => Promise.resolve()
    : () => deps.admitLookUp(c);
  const owner = await ownerOf({ ...deps, actors }, readOwner(text), admit);
  const name = owner.handle ?? owner.did;
  const actor = await actors.find(owner.did);
  return {
    ...asked,
    ...{ owner, name, actor },
    away: actor && pdsAway(deps, owner),
    picture: deps.pictureOf?.(name),
    isOwn: asked.visitor.account?.did === owner.did,
  };
}

/** The name in the address. Throws AppError `NOT_FOUND` with a sentence that says what is wrong with it. */
function readOwner(text: string) {
  try {
    return parseOwner(text.replace(/^@/, ""));
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError("NOT_FOUND", error.message, { cause: error });
  }
}

async function stars(deps: PeopleDeps, asked: AskedAccount): Promise<string> {
  const { index, social } = deps;
  const cursor = asked.query.get("cursor") || undefined;
  const page = await social.people.starIndex.byActor(asked.owner.did, {
    limit: LIMIT,
    cursor,
  });
  const found = await Promise.all(page.items.map(async ({ did, repo }) => {
    const card = await index.cards.card(did, repo, asked.mayRead);
    return card ? [{ did, repo, card }] : [];
  }));
  return starsPage({
    ...asked,
    items: await repositoryItems(deps, found.flat()),
    cursor: page.cursor,
    isLater: cursor !== undefined,
  });
}

async function activity(
  deps: PeopleDeps,
  asked: AskedAccount,
): Promise<string> {
  const cursor = asked.query.get("cursor") || undefined;
  const { activities } = deps.social.counts;
  const page = await activities.ofAccount(
    asked.owner.did,
    { limit: LIMIT, cursor },
    asked.mayRead,
  );
  return accountActivityPage({
    ...asked,
    items: await feedItems(deps, page.items, asked.mayRead),
    cursor: page.cursor,
    isLater: cursor !== undefined,
  });
}
