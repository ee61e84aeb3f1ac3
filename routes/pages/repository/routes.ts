/**
 * Serves the pages of repositories: overview, tags, images.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import type { PdsSession } from "../../../lib/atproto/pds/pds.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { ImageViews } from "../../../lib/registry/browse/image_view.ts";
import type { TagDeletion } from "../../../lib/registry/browse/tag_deletion.ts";
import type { TagList } from "../../../lib/registry/browse/tag_list.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import type { Browsers, SignedInBrowser } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import type { Visitor } from "../document.tsx";
import type { PictureOf } from "../pictures.ts";
import { errorPage } from "../error_page.tsx";
import {
  parseRepositoryPath,
  pathOf,
  type RepositoryPath,
  viewUrl,
} from "../urls.ts";
import { deletePreview, deleteTags } from "./delete.ts";
import { imagePage } from "./image_page.tsx";
import { labelsOf, notesOf } from "./notes.ts";
import type { RepositoryOnPage } from "./repository_head.tsx";
import { repositoryPage } from "./repository_page.tsx";
import { tagsPage } from "./tags_page.tsx";

export interface RepositoryPagesDeps {
  owners: Owners;
  tagList: TagList;
  images: ImageViews;
  tagDeletion: TagDeletion;
  /** The session at the PDS of an account; undefined when it has ended. */
  session: (did: Did) => Promise<PdsSession | undefined>;
  browsers: Browsers;
  clock: Clock;
  /** Counts a lookup without login at another server. Throws AppError `TOOMANYREQUESTS`. */
  admitLookUp: (c: Context<AppEnv>) => Promise<void>;
  /** Host in names of images. */
  host: string;
  /** Address of an account's picture; undefined where none are served. */
  pictureOf: PictureOf;
}

/** A request for a page, with everything that all pages need. */
export interface PageRequest {
  readonly c: Context<AppEnv>;
  readonly path: RepositoryPath;
  readonly query: URLSearchParams;
  readonly browser: SignedInBrowser | undefined;
  readonly visitor: Visitor;
  readonly owner: Identity;
  /** The owner's handle, or DID where there is none. */
  readonly name: string;
  readonly caller: Did | undefined;
  /** Awaited before another server is queried. */
  readonly admit: () => Promise<void>;
}

const TAGS_ON_OVERVIEW = 6;
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
      return c.html(await pageOf(deps, request));
    } catch (error) {
      if (!isAppError(error, ...HIDDEN)) throw error;
      return missing(c, visitor, path);
    }
  });
  app.post("/r/*", async (c) => {
    const request = await requestOf(deps, c);
    const { path, name } = request;
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
  const owner = await deps.owners.resolve(path.owner.value, {
    beforeAsking: admit,
  });
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
  return path.reference
    ? await image(deps, request)
    : await overview(deps, request);
}

async function overview(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<string> {
  const { owner, path, caller, admit, visitor } = request;
  const page = await deps.tagList.list(owner, path.repo, {
    ...{ caller, admit },
    order: "newest",
    limit: TAGS_ON_OVERVIEW,
  });
  const [newest] = page.items;
  const view = newest?.image
    ? await imageOf(deps, request, newest.tag)
    : undefined;
  const hold = view && await holdName(deps, view.info.holdDid);
  return repositoryPage({
    visitor,
    repository: onPage(deps, request, page),
    tags: page.items,
    notes: {
      ...notesOf(
        view?.summary.manifest.annotations,
        view?.shown?.manifest.annotations,
        labelsOf(view?.shown?.config),
        chartNotes(view?.shown?.json),
      ),
      hold,
    },
    host: deps.host,
    now: deps.clock.now(),
  });
}

/** The newest image, whose configuration has labels; the page does without where it is gone meanwhile. */
async function imageOf(
  { images }: RepositoryPagesDeps,
  { owner, path, caller }: PageRequest,
  tag: string,
) {
  try {
    const reference = { kind: "tag", tag } as const;
    return await images.get(owner, path.repo, { reference, caller });
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** A Helm chart says in its configuration what others say in annotations. */
function chartNotes(json: unknown): Record<string, string> {
  if (typeof json !== "object" || json === null) return {};
  const { description, version } = json as Record<string, unknown>;
  const prefix = "org.opencontainers.image.";
  return {
    ...(typeof description === "string"
      ? { [`${prefix}description`]: description }
      : {}),
    ...(typeof version === "string" ? { [`${prefix}version`]: version } : {}),
  };
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
    repository: onPage(deps, request, {
      ...page,
      count: filter === "" ? page.count : undefined,
    }),
    isLater: cursor !== undefined,
    mayDelete: caller === owner.did,
    host: deps.host,
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
    repository: onPage(deps, request, { count: undefined, doubt: undefined }),
    hold: await holdName(deps, view.info.holdDid),
    host: deps.host,
    now: deps.clock.now(),
  });
}

function onPage(
  { pictureOf }: RepositoryPagesDeps,
  { name, path }: PageRequest,
  { count, doubt }: { count: number | undefined; doubt: string | undefined },
): RepositoryOnPage {
  return {
    ...{ owner: name, repo: path.repo, doubt },
    picture: pictureOf?.(name),
    tags: count,
  };
}

/** The hold's handle, or host, or its DID where that cannot be found out. */
async function holdName(
  { owners }: RepositoryPagesDeps,
  hold: Did,
): Promise<string> {
  if (hold.startsWith("did:web:")) {
    return hold.slice("did:web:".length).replaceAll("%3A", ":");
  }
  try {
    return (await owners.resolve(hold)).handle ?? hold;
  } catch (error) {
    if (isAppError(error)) return hold;
    throw error;
  }
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
