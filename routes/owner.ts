/**
 * Pages for owners and operators.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { AppContext } from "../lib/context.ts";
import { pageOrigin } from "../lib/auth/oauth/client_metadata.ts";
import type { Browsers } from "./auth/browser.ts";
import type { AppEnv } from "./middleware.ts";
import type { SettingsPagesDeps } from "./pages/settings/deps.ts";
import { registrySettingsRoutes } from "./pages/settings/registry_settings.ts";
import { storageRoutes } from "./pages/settings/storage.ts";

/** Mounts them; nothing where no registry runs. */
export function ownerRoutes(ctx: AppContext, browsers: Browsers): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { registry, index, auth, config, clock } = ctx;
  if (!registry || !index) return app;
  const { base_url, registry_domains } = config.server;
  const deps: SettingsPagesDeps = {
    ...registry,
    ...{ browsers, clock, session: auth.session, holds: index.holds },
    domains: registry_domains.length > 0
      ? registry_domains
      : [new URL(base_url).host],
    isSecure: pageOrigin(base_url).startsWith("https:"),
  };
  app.route("/", registrySettingsRoutes(deps));
  app.route("/", storageRoutes(deps));
  return app;
}
