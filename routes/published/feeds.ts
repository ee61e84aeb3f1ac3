/**
 * Serves Atom feeds of pushes: of everybody, of an account, of a repository.
 * They show what everybody may pull.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { CatalogContext } from "../../lib/context/social/catalog.ts";
import type { AccountName } from "../../lib/index/catalog/account_names.ts";
import type { NamedActivity } from "../../lib/index/catalog/people_catalog.ts";
import type { MayRead } from "../../lib/index/reading.ts";
import { sendKept } from "../conditional.ts";
import { CORS_HEADERS } from "../cors.ts";
import type { AppEnv } from "../middleware.ts";
import { sizeText } from "../pages/parts/format.tsx";
import { repositoryUrl, tagUrl } from "../pages/urls.ts";
import { ATOM_TYPE, type AtomEntry, type AtomFeed, atomFeed } from "./atom.ts";
import {
  NETWORK_FEED,
  ownerFeedUrl,
  parseRepositoryFeed,
  repositoryFeedUrl,
} from "./urls.ts";

export interface FeedDeps {
  readonly catalog: CatalogContext;
  /** Where anybody may pull. */
  readonly mayRead: () => MayRead;
  /** Origin of the pages. */
  readonly origin: string;
}

/** Entries of a feed. */
const MAX_ENTRIES = 50;
/** Pages of activity that are read for one feed. */
const MAX_PAGES = 4;
/** How long readers may keep a feed, in seconds. */
const FEED_SECONDS = 60;

/** Serves the feeds. */
export function feedRoutes(deps: FeedDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(NETWORK_FEED, async (c) => send(c, await networkFeed(deps)));
  app.get("/u/:owner/feed.atom", async (c) => {
    const owner = c.req.param("owner").replace(/^@/, "");
    return send(c, await ownerFeed(deps, owner));
  });
  app.get("/r/*", async (c, next) => {
    const address = parseRepositoryFeed(new URL(c.req.url).pathname);
    if (!address) return await next();
    return send(c, await repositoryFeed(deps, address));
  });
  return app;
}

function send(c: Context<AppEnv>, feed: AtomFeed): Response {
  return sendKept(c, {
    body: atomFeed(feed),
    type: ATOM_TYPE,
    publicSeconds: FEED_SECONDS,
    headers: CORS_HEADERS,
  });
}

async function networkFeed(deps: FeedDeps): Promise<AtomFeed> {
  const { origin } = deps;
  return {
    id: idOf(origin, "feed/network"),
    title: "Pushes of everybody",
    subtitle:
      "Tags that were pushed in the whole network, as far as it is known here.",
    self: `${origin}${NETWORK_FEED}`,
    page: `${origin}/activity`,
    entries: await pushes(deps, undefined),
  };
}

async function ownerFeed(deps: FeedDeps, text: string): Promise<AtomFeed> {
  const { catalog, origin } = deps;
  const did = await catalog.names.find(text);
  const owner = (await catalog.names.read([did])).of(did);
  const name = nameOf(owner);
  return {
    id: idOf(origin, `feed/${did}`),
    title: `Pushes of ${owner.displayName ?? name}`,
    subtitle: `Tags that ${name} has pushed.`,
    self: `${origin}${ownerFeedUrl(name)}`,
    page: `${origin}/u/${name}`,
    entries: await pushes(deps, owner),
  };
}

async function repositoryFeed(
  { catalog, mayRead, origin }: FeedDeps,
  address: { readonly owner: string; readonly repo: string },
): Promise<AtomFeed> {
  const did = await catalog.names.find(address.owner.replace(/^@/, ""));
  const ref = { did, repo: address.repo };
  const list = { order: "newest", limit: MAX_ENTRIES } as const;
  const readable = mayRead();
  const { owner, repo, card } = await catalog.repositories.get(ref, readable);
  const { items } = await catalog.repositories.tags(ref, list, readable);
  const name = nameOf(owner);
  const place = { owner: name, repo };
  return {
    id: idOf(origin, `feed/${did}/${repo}`),
    title: `${name}/${repo}`,
    subtitle: card.page?.line ?? card.image?.notes?.description ??
      `Tags of ${name}/${repo}.`,
    self: `${origin}${repositoryFeedUrl(place)}`,
    page: `${origin}${repositoryUrl(place)}`,
    entries: items.map(({ tag, digest, at, facts }) => ({
      id: idOf(origin, `push/${did}/${repo}:${tag}/${at}`),
      title: `${name}/${repo}:${tag}`,
      summary: summaryOf(digest, facts?.size),
      url: `${origin}${tagUrl(place, tag)}`,
      at,
      author: authorOf(origin, owner),
    })),
  };
}

/** The newest pushes of everybody, or of an account. */
async function pushes(
  { catalog, mayRead, origin }: FeedDeps,
  actor: AccountName | undefined,
): Promise<AtomEntry[]> {
  const readable = mayRead();
  const entries: AtomEntry[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const list = { actor: actor?.did, cursor, limit: MAX_ENTRIES };
    const { items, cursor: next } = await catalog.people.activity(
      list,
      readable,
    );
    for (const item of items) {
      const entry = entryOf(origin, item);
      if (entry) entries.push(entry);
    }
    cursor = next;
    if (cursor === undefined || entries.length >= MAX_ENTRIES) break;
  }
  return entries.slice(0, MAX_ENTRIES);
}

/** The entry of a push; undefined for a star. */
function entryOf(
  origin: string,
  { what, owner }: NamedActivity,
): AtomEntry | undefined {
  if (what.kind !== "push") return undefined;
  const { did, repo, tag, digest, at } = what;
  const name = nameOf(owner);
  return {
    id: idOf(origin, `push/${did}/${repo}:${tag}/${at}`),
    title: `${name}/${repo}:${tag}`,
    summary: summaryOf(digest, undefined),
    url: `${origin}${tagUrl({ owner: name, repo }, tag)}`,
    at,
    author: authorOf(origin, owner),
  };
}

function summaryOf(
  digest: string | undefined,
  size: number | undefined,
): string {
  const parts = [
    digest === undefined ? "A new image." : `The tag is ${digest}.`,
    ...(size === undefined ? [] : [`It has ${sizeText(size)}.`]),
  ];
  return parts.join(" ");
}

function authorOf(origin: string, owner: AccountName): AtomEntry["author"] {
  const name = nameOf(owner);
  return {
    name: owner.displayName ?? name,
    uri: `${origin}/u/${name}`,
  };
}

function nameOf({ did, handle }: AccountName): string {
  return handle ?? did;
}

/** A tag URI (RFC 4151); the year is that of the first feeds here. */
function idOf(origin: string, what: string): string {
  return `tag:${new URL(origin).hostname},2026:${what}`;
}
