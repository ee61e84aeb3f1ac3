/**
 * Serves the pages of repositories: overview, tags, images.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { AppEnv } from "../../middleware.ts";
import type { Visitor } from "../document.tsx";
import { errorPage } from "../error_page.tsx";
import {
  parseRepositoryPath,
  pathOf,
  type RepositoryPath,
  viewUrl,
} from "../urls.ts";
import { ownerOf } from "../owner_of.ts";
import { changeStar, starsOfRepository } from "./stars.ts";
import { picture } from "./picture.ts";
import { deletePreview, deleteTags } from "./delete.ts";
import { imagePage } from "./image_page.tsx";
import {
  changeRepository,
  repositorySettings,
} from "../repository_settings/repository_settings.ts";
import { tagsPage } from "./tags_page.tsx";
import type { PageRequest, RepositoryPagesDeps } from "./deps.ts";
import { holdName, onPage, overview } from "./overview.ts";

const TAGS_ON_PAGE = 50;

/** What a repository that one may not read looks like: a missing one. */
const HIDDEN = [
  "DENIED",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "UNAUTHORIZED",
] as const;

/** Serves `/r/…`. */
export function repositoryRoutes(deps: RepositoryPagesDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/r/*", async (c) => {
    c.header("cache-control", "private, no-cache");
    const request = await requestOf(deps, c);
    const { path, name, visitor, query } = request;
    if (path.ownerText !== name) {
      const search = query.size > 0 ? `?${query}` : "";
      return c.redirect(`${pathOf(path, name)}${search}`, 302);
    }
    await deps.owners.requireShown(request.owner);
    try {
      if (path.view === "picture") return await picture(deps, request);
      return c.html(await pageOf(deps, request));
    } catch (error) {
      if (!isAppError(error, ...HIDDEN)) throw error;
      return missing(c, visitor, path);
    }
  });
  app.post("/r/*", async (c) => {
    const request = await requestOf(deps, c);
    const { path, name } = request;
    if (path.view === "star") return await changeStar(deps, request);
    if (path.view === "settings") return await changeRepository(deps, request);
    if (path.view !== "delete") {
      throw new AppError("NOT_FOUND", "Nothing can be changed here.");
    }
    await deleteTags(deps, request);
    return c.redirect(viewUrl({ owner: name, repo: path.repo }, "tags"), 303);
  });
  return app;
}

async function requestOf(
  deps: RepositoryPagesDeps,
  c: Context<AppEnv>,
): Promise<PageRequest> {
  const url = new URL(c.req.raw.url);
  const path = parseRepositoryPath(url.pathname);
  const browser = await deps.browsers.current(c);
  const visitor = await deps.browsers.visitor(c, browser);
  const admit = browser ? () => Promise.resolve() : () => deps.admitLookUp(c);
  const { actors } = deps.social.people;
  const owner = await ownerOf({ ...deps, actors }, path.owner, admit);
  const name = owner.handle ?? owner.did;
  const caller = browser?.session.did;
  const query = url.searchParams;
  return { c, path, browser, visitor, owner, name, caller, admit, query };
}

async function pageOf(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<string> {
  const { path } = request;
  if (path.view === "tags") return await tags(deps, request);
  if (path.view === "delete") return await deletePreview(deps, request);
  if (path.view === "stars") return await starsOfRepository(deps, request);
  if (path.view === "settings") return await repositorySettings(deps, request);
  if (path.view !== undefined) {
    throw new AppError("NOT_FOUND", "This address is for forms only.");
  }
  return path.reference
    ? await image(deps, request)
    : await overview(deps, request);
}

async function tags(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<string> {
  const { owner, path, caller, admit, query, visitor } = request;
  const order = query.get("sort") === "name" ? "name" : "newest";
  const filter = (query.get("q") ?? "").trim().slice(0, 128);
  const cursor = query.get("cursor") ?? undefined;
  const page = await deps.tagList.list(owner, path.repo, {
    ...{ caller, admit, order, filter, cursor },
    limit: TAGS_ON_PAGE,
  });
  return tagsPage({
    ...{ visitor, page, order, filter },
    repository: await onPage(deps, request, {
      ...page,
      count: filter === "" ? page.count : undefined,
    }),
    isLater: cursor !== undefined,
    mayDelete: caller === owner.did,
    host: deps.hostOf(visitor),
    now: deps.clock.now(),
  });
}

async function image(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<string> {
  const { owner, path, caller, admit, query, visitor } = request;
  const { repo, reference } = path;
  if (!reference) throw new AppError("NOT_FOUND", "There is no such page.");
  const view = await deps.images.get(owner, repo, {
    ...{ reference, caller, admit },
    platform: query.get("platform") ?? undefined,
  });
  return imagePage({
    ...{ visitor, reference, view },
    repository: await onPage(deps, request, {
      count: undefined,
      doubt: undefined,
    }),
    hold: await holdName(deps, view.info.holdDid),
    host: deps.hostOf(visitor),
    now: deps.clock.now(),
  });
}

/** The page for what is not there, or not for this visitor: they look the same. */
function missing(
  c: Context<AppEnv>,
  visitor: Visitor,
  path: RepositoryPath,
): Response | Promise<Response> {
  const what = path.reference ? "image" : "repository";
  return c.html(
    errorPage({
      status: 404,
      title: `No such ${what}`,
      message:
        `There is no such ${what} of ${path.ownerText}, or it is private.${
          visitor.account
            ? " Private images are shown to the crew of their hold."
            : " If you belong to the crew of its hold, sign in to see it."
        }`,
      requestId: c.get("requestId"),
      frame: visitor.frame,
      visitor,
    }),
    404,
  );
}
