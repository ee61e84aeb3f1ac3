/**
 * Pictures of links to pages, for sites and apps that show links as cards. They
 * show what everybody may pull; anything else has none.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { CatalogContext } from "../../lib/context/social/catalog.ts";
import type { Did } from "../../lib/did.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { MayRead } from "../../lib/index/reading.ts";
import type { ShareBrand, ShareFacts } from "../../lib/share/drawing.ts";
import type { SharePictures } from "../../lib/share/share_pictures.ts";
import { matches } from "../etag.ts";
import type { AppEnv } from "../middleware.ts";
import { countOf, sizeText } from "../pages/parts/format.tsx";
import { parsePicture } from "./urls.ts";

export interface SharePictureDeps {
  readonly catalog: CatalogContext;
  readonly pictures: Pick<SharePictures, "get">;
  /** Where anybody may pull. */
  readonly mayRead: () => MayRead;
  /** Origin of the pages. */
  readonly origin: string;
  readonly brand: ShareBrand;
  readonly addressOf: (c: Context<AppEnv>) => string;
}

/** How long anybody may keep a picture, in seconds. */
const PICTURE_SECONDS = 3_600;
const MAX_REPOSITORIES = 4;
const MAX_PLATFORMS = 3;

/** Serves `/og/…`. */
export function sharePictureRoutes(deps: SharePictureDeps): Hono<AppEnv> {
  return new Hono<AppEnv>().get("/og/*", async (c) => {
    const facts = await factsOf(deps, new URL(c.req.url).pathname);
    const { png, version } = await deps.pictures.get(facts, deps.addressOf(c));
    const etag = `"${version}"`;
    const headers = {
      etag,
      "cache-control": `public, max-age=${PICTURE_SECONDS}`,
      "cross-origin-resource-policy": "cross-origin",
    };
    if (matches(c.req.header("if-none-match"), etag)) {
      return c.body(null, 304, headers);
    }
    return c.body(png, 200, { ...headers, "content-type": "image/png" });
  });
}

/** What a picture says. Throws AppError `NOT_FOUND` with one sentence for what is missing and what is private. */
async function factsOf(
  deps: SharePictureDeps,
  path: string,
): Promise<ShareFacts> {
  const { catalog, brand } = deps;
  const parsed = parsePicture(path);
  if (parsed === "home") return homeFacts(deps);
  try {
    if (parsed !== undefined) {
      const did = await catalog.names.find(parsed.owner.replace(/^@/, ""));
      const facts = "repo" in parsed
        ? await repositoryFacts(deps, did, parsed.repo)
        : await accountFacts(deps, did);
      return { brand, ...facts };
    }
  } catch (error) {
    if (!isAppError(error, "NAME_UNKNOWN", "NAME_INVALID")) throw error;
  }
  throw new AppError("NOT_FOUND", "There is no picture at this address.");
}

function homeFacts({ brand, origin }: SharePictureDeps): ShareFacts {
  return {
    brand,
    title: "Container images under the name you already have",
    text: "Push and pull with any client; images are signed records in " +
      "your own repo.",
    facts: [new URL(origin).host],
  };
}

async function repositoryFacts(
  { catalog, mayRead }: SharePictureDeps,
  did: Did,
  repo: string,
): Promise<Omit<ShareFacts, "brand">> {
  const readable = mayRead();
  const found = await catalog.repositories.get({ did, repo }, readable);
  const size = await catalog.repositories.size(found, readable);
  const { newest, image, page, stars } = found.card;
  const platforms = image?.platforms ?? [];
  const more = platforms.length - MAX_PLATFORMS;
  const shown = platforms.slice(0, MAX_PLATFORMS).join(", ");
  return {
    above: found.owner.handle ?? did,
    title: repo,
    text: page?.line ?? image?.notes?.description,
    facts: [
      ...(newest ? [image?.notes?.version ?? newest.tag] : []),
      ...(size === undefined ? [] : [sizeText(size)]),
      ...(stars > 0 ? [countOf(stars, "star")] : []),
      ...(shown === "" ? [] : [more > 0 ? `${shown} and ${more} more` : shown]),
    ],
  };
}

async function accountFacts(
  { catalog, mayRead }: SharePictureDeps,
  did: Did,
): Promise<Omit<ShareFacts, "brand">> {
  const readable = mayRead();
  const { handle, name, bio, status } = await catalog.people.person(
    did,
    readable,
  );
  if (status !== "active") {
    throw new AppError("NAME_UNKNOWN", "The account is not shown.");
  }
  const { items } = await catalog.repositories.newest(
    { owner: did, limit: MAX_REPOSITORIES },
    readable,
  );
  return {
    above: name === undefined ? undefined : handle ?? did,
    title: name ?? handle ?? did,
    text: bio,
    facts: items.map(({ repo }) => repo),
  };
}
