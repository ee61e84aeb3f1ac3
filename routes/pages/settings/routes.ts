/**
 * Serves the pages of an account's settings.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { AppEnv } from "../../middleware.ts";
import { type DataPagesDeps, dataRoutes } from "./data.ts";
import { registrySettingsRoutes } from "./registry_settings.ts";
import { storageRoutes } from "./storage.ts";

/** Serves `/settings`, `/settings/storage` and `/settings/data`. */
export function settingsPageRoutes(deps: DataPagesDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.route("/", registrySettingsRoutes(deps));
  app.route("/", storageRoutes(deps));
  app.route("/", dataRoutes(deps));
  return app;
}
