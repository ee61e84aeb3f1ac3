/**
 * Authentication: tokens, browser sessions, devices.
 *
 * @module
 */

import { Hono, type MiddlewareHandler } from "@hono/hono";
import type { AppContext } from "../lib/context.ts";
import { pageOrigin } from "../lib/auth/oauth/client_metadata.ts";
import { deviceApiRoutes } from "./api/devices.ts";
import { Browsers } from "./auth/browser.ts";
import { deviceRoutes } from "./auth/device.ts";
import { devicePageRoutes } from "./auth/device_page.ts";
import { oauthRoutes } from "./auth/oauth.ts";
import { settingsRoutes } from "./auth/settings.ts";
import { tokenRoutes } from "./auth/token.ts";
import { clientAddress } from "./server/client_address.ts";
import type { AppEnv } from "./middleware.ts";
import { pictures } from "./pages/pictures.ts";

/** Browser sessions of a context, for pages that show who is signed in. */
export function createBrowsers(ctx: AppContext): Browsers {
  const { auth, avatars, config, identities } = ctx;
  return new Browsers({
    webSessions: auth.webSessions,
    csrfToken: auth.csrfToken,
    identities,
    addressOf: clientAddress({ trustProxy: config.server.trust_proxy }),
    pictureOf: pictures(avatars),
    origin: pageOrigin(config.server.base_url),
  });
}

/** Mounts it. */
export function authRoutes(ctx: AppContext, browsers: Browsers): Hono<AppEnv> {
  const { auth, config, identities } = ctx;
  const origin = pageOrigin(config.server.base_url);
  const addressOf = clientAddress({ trustProxy: config.server.trust_proxy });
  const [registry = new URL(origin).host] = config.server.registry_domains;
  const { deviceCodes, devices, signIn } = auth;
  const app = new Hono<AppEnv>();
  app.use(toPageOrigin(origin));
  app.route("/", tokenRoutes(auth.tokenService, addressOf));
  app.route("/", oauthRoutes({ ...auth, browsers }));
  app.route("/", deviceRoutes({ deviceCodes, identities, addressOf, origin }));
  app.route("/", devicePageRoutes({ deviceCodes, browsers }));
  app.route(
    "/",
    settingsRoutes({
      ...auth,
      browsers,
      clock: ctx.clock,
      registry,
      isConnected: async (did) => await auth.session(did) !== undefined,
    }),
  );
  app.route("/", deviceApiRoutes({ devices, signIn, browsers, identities }));
  return app;
}

/**
 * Redirects browsers on a laptop from localhost to 127.0.0.1, where a PDS
 * redirects them back to, because cookies are not shared between the two. Only
 * page views are redirected.
 */
function toPageOrigin(origin: string): MiddlewareHandler<AppEnv> {
  const { protocol, host, port } = new URL(origin);
  const other = `localhost${port === "" ? "" : `:${port}`}`;
  return async (c, next) => {
    const url = new URL(c.req.url);
    const views = c.req.method === "GET" &&
      c.req.header("sec-fetch-mode") === "navigate";
    if (!views || protocol !== "http:" || url.host !== other) {
      return await next();
    }
    return c.redirect(`${protocol}//${host}${url.pathname}${url.search}`, 307);
  };
}
