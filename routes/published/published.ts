/**
 * Serves what is published besides pages and the API.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { CatalogContext } from "../../lib/context/social/catalog.ts";
import type { MayRead } from "../../lib/index/reading.ts";
import type { AppEnv } from "../middleware.ts";
import type { Site } from "../pages/frame/frame.ts";
import { badgeRoutes } from "./badges.ts";
import { discoveryFileRoutes } from "./discovery.ts";
import { feedRoutes } from "./feeds.ts";
import type { ShareBrand } from "../../lib/share/drawing.ts";
import type { SharePictures } from "../../lib/share/share_pictures.ts";
import { sharePictureRoutes } from "./share_pictures.ts";

export interface PublishedDeps {
  readonly catalog: CatalogContext;
  /** Where anybody may pull. */
  readonly mayRead: () => MayRead;
  /** Origin of the pages. */
  readonly origin: string;
  readonly pictures: Pick<SharePictures, "get">;
  /** The look of share pictures. */
  readonly brand: ShareBrand;
  readonly site: Pick<Site, "brand" | "logo">;
  readonly addressOf: (c: Context<AppEnv>) => string;
}

/** Feeds, badges, sitemaps and the like. To be mounted before the pages. */
export function publishedRoutes(deps: PublishedDeps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .route("/", feedRoutes(deps))
    .route("/", badgeRoutes(deps))
    .route("/", sharePictureRoutes(deps))
    .route("/", discoveryFileRoutes(deps));
}
