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
import { aboutRoutes } from "./pages/about/routes.ts";
import { holdPageRoutes } from "./pages/holds/routes.ts";
import { webhookPageRoutes } from "./pages/webhooks/routes.ts";
import { clientAddress } from "./server/client_address.ts";
import type { SettingsPagesDeps } from "./pages/settings/deps.ts";
import { settingsPageRoutes } from "./pages/settings/routes.ts";
import { sayLag } from "./pages/frame/lag.tsx";

/** Mounts them; nothing where no registry runs. */
export function ownerRoutes(ctx: AppContext, browsers: Browsers): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { registry, index, social, account, auth, config, clock } = ctx;
  if (!registry || !index || !social || !account) return app;
  const { base_url, registry_domains, trust_proxy } = config.server;
  const clientOf = clientAddress({ trustProxy: trust_proxy });
  const deps: SettingsPagesDeps = {
    ...registry,
    ...{ browsers, clock, session: auth.session, holds: index.holds },
    domains: registry_domains.length > 0
      ? registry_domains
      : [new URL(base_url).host],
    isSecure: pageOrigin(base_url).startsWith("https:"),
  };
  app.route("/", settingsPageRoutes({ ...deps, accountData: account }));
  app.use("/status", sayLag(index.lag, clock));
  app.route(
    "/",
    aboutRoutes({
      ...{ ...deps, readiness: ctx.readiness, legal: config.legal },
      root: new URL("../", import.meta.url),
      service: config.server.client_name,
    }),
  );
  if (ctx.webhooks) {
    const { webhooks } = ctx.webhooks;
    app.route("/", webhookPageRoutes({ browsers, clock, webhooks }));
  }
  app.route(
    "/",
    holdPageRoutes({
      ...deps,
      storage: social.counts.storage,
      admitLookUp: (c) => auth.lookUps.admit(clientOf(c)),
    }),
  );
  return app;
}
