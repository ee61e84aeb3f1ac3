/**
 * What search engines and browsers look for: robots.txt, sitemaps
 * (sitemaps.org), and the description of the search (OpenSearch 1.1).
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { LRUCache } from "lru-cache";
import type { CatalogContext } from "../../lib/context/social/catalog.ts";
import { AppError } from "../../lib/errors.ts";
import type { MayRead } from "../../lib/index/reading.ts";
import { sendKept } from "../conditional.ts";
import type { AppEnv } from "../middleware.ts";
import { iconOf, type Site } from "../pages/frame/frame.ts";
import { repositoryUrl } from "../pages/urls.ts";
import { OPEN_SEARCH } from "./urls.ts";
import { xmlDocument, type XmlElement } from "./xml.ts";

export interface DiscoveryDeps {
  readonly catalog: CatalogContext;
  /** Where anybody may pull. */
  readonly mayRead: () => MayRead;
  /** Origin of the pages. */
  readonly origin: string;
  readonly site: Pick<Site, "brand" | "logo">;
}

/** Lengths of names, in characters (OpenSearch 1.1). */
const MAX_SHORT_NAME = 16;
const MAX_LONG_NAME = 48;

/** How long these files may be kept, in seconds. */
const KEPT_SECONDS = 3_600;

/** Memory for sitemaps in UTF-16 code units, and how long they are kept there, in milliseconds. */
const MEMORY = { size: 8_000_000, ms: 5 * 60_000 };

const SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9";

/** Paths that lead robots nowhere, or change something. */
const NOT_FOR_ROBOTS = [
  "/api/",
  "/auth/",
  "/device",
  "/settings",
  "/v2/",
  "/xrpc/",
  "/r/*/-/delete",
  "/r/*/-/compare",
];

/** Serves these files. */
export function discoveryFileRoutes(deps: DiscoveryDeps): Hono<AppEnv> {
  const { catalog, origin } = deps;
  const { places } = catalog;
  const memory = new LRUCache<string, string>({
    maxSize: MEMORY.size,
    sizeCalculation: (body) => body.length,
    ttl: MEMORY.ms,
    noUpdateTTL: true,
  });
  const app = new Hono<AppEnv>();
  app.get("/robots.txt", (c) => {
    const lines = NOT_FOR_ROBOTS.map((path) => `Disallow: ${path}\n`);
    const body = `User-agent: *\n${
      lines.join("")
    }\nSitemap: ${origin}/sitemap.xml\n`;
    return kept(c, body, "text/plain; charset=utf-8");
  });
  app.get("/sitemap.xml", (c) =>
    kept(
      c,
      xmlDocument("sitemapindex", {
        "@xmlns": SITEMAPS,
        sitemap: places.parts.map((part) => ({
          loc: `${origin}/sitemap/${part}.xml`,
        })),
      }),
    ));
  app.get("/sitemap/:file", async (c) => {
    const [, part = ""] = /^([a-z0-9]+)\.xml$/.exec(c.req.param("file")) ?? [];
    // Anybody may ask, as often as they like, and a part has many rows.
    const body = memory.get(part) ?? await sitemap(deps, part);
    memory.set(part, body);
    return kept(c, body);
  });
  app.get(
    OPEN_SEARCH,
    (c) => kept(c, openSearch(deps), "application/opensearchdescription+xml"),
  );
  return app;
}

/** A sitemap of one part. Throws AppError `NOT_FOUND` where there is none. */
async function sitemap(
  { catalog, mayRead, origin }: DiscoveryDeps,
  part: string,
): Promise<string> {
  const found = await catalog.places.part(part, mayRead());
  if (!found) {
    throw new AppError(
      "NOT_FOUND",
      "There is no such sitemap; /sitemap.xml names all of them.",
    );
  }
  const url = found.map(({ owner, repo, at }): XmlElement => ({
    loc: `${origin}${
      repositoryUrl({ owner: owner.handle ?? owner.did, repo })
    }`,
    lastmod: new Date(at).toISOString(),
  }));
  return xmlDocument("urlset", { "@xmlns": SITEMAPS, url });
}

function firstCharacters(text: string, most: number): string {
  return [...text].slice(0, most).join("").trim();
}

function openSearch(
  { origin, site }: Pick<DiscoveryDeps, "origin" | "site">,
): string {
  const icon = iconOf(site);
  return xmlDocument("OpenSearchDescription", {
    "@xmlns": "http://a9.com/-/spec/opensearch/1.1/",
    ShortName: firstCharacters(site.brand, MAX_SHORT_NAME),
    Description: `Container images at ${new URL(origin).host}`,
    InputEncoding: "UTF-8",
    LongName: firstCharacters(site.brand, MAX_LONG_NAME),
    Image: {
      "@width": "16",
      "@height": "16",
      ...(icon.type ? { "@type": icon.type } : {}),
      "#text": `${origin}${icon.path}`,
    },
    Url: [
      {
        "@type": "text/html",
        "@template": `${origin}/search?q={searchTerms}`,
      },
      {
        "@type": "application/x-suggestions+json",
        "@template": `${origin}/search/opensearch?q={searchTerms}`,
      },
      {
        "@type": "application/opensearchdescription+xml",
        "@rel": "self",
        "@template": `${origin}${OPEN_SEARCH}`,
      },
    ],
  });
}

function kept(
  c: Context<AppEnv>,
  body: string,
  type = "application/xml; charset=utf-8",
): Response {
  return sendKept(c, { body, type, publicSeconds: KEPT_SECONDS });
}
