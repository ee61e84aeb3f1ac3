/**
 * The app: all routes of the program.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { AppContext } from "../lib/context.ts";
import { pageOrigin } from "../lib/auth/oauth/client_metadata.ts";
import { AppError } from "../lib/errors.ts";
import { publicApiRoutes } from "./api/v1/api.ts";
import { webhookApiRoutes } from "./api/v1/webhooks.ts";
import { authRoutes, createBrowsers } from "./auth.ts";
import type { Browsers } from "./auth/browser.ts";
import { avatarRoutes } from "./avatar/avatar.ts";
import { remotePictureRoutes } from "./avatar/remote_pictures.ts";
import { clientAddress } from "./server/client_address.ts";
import { shareBrand } from "../lib/context/pictures/branding.ts";
import { lookOf } from "./branding.ts";
import { compressAnswers } from "./compress_answers.ts";
import { type AppEnv, observe, onError, surface } from "./middleware.ts";
import { opsRoutes } from "./ops.ts";
import { refuseWritesWhile } from "./read_only.ts";
import { clientOrigin } from "./server/origin.ts";
import { holdRoutes, type HoldRoutesState } from "./hold.ts";
import { HelperBundle } from "../lib/install/helper_bundle.ts";
import { readIslandModules } from "../lib/install/island_modules.ts";
import { installRoutes } from "./install.ts";
import { exploreRoutes } from "./explore.ts";
import { ownerRoutes } from "./owner.ts";
import type { Site } from "./pages/frame/frame.ts";
import { preferenceRoutes } from "./pages/frame/preferences.ts";
import { publishedRoutes } from "./published/published.ts";
import { staticRoutes } from "./static.ts";
import { v2Routes } from "./v2/routes.ts";
import { VERSION } from "./version.ts";

/** State of the running program. */
export interface AppState extends HoldRoutesState {
  /** True once the program has started to stop. */
  stopping: () => boolean;
}

/** Path of the avatar page when `/` is the registry's. */
const AVATARS_BESIDE_REGISTRY = "/avatars";

/** Mounts every surface of the configured roles. */
export function createApp(ctx: AppContext, state: AppState): Hono<AppEnv> {
  const { config } = ctx;
  const app = new Hono<AppEnv>();
  const root = new URL("../", import.meta.url);
  const imageOrigins = ctx.avatars ? [ctx.avatars.objectOrigin] : [];
  const look = lookOf(ctx, root);
  const site: Site = {
    ...look.site,
    origin: pageOrigin(config.server.base_url),
    isRegistry: ctx.registry !== undefined,
    modules: readIslandModules(root),
  };
  app.use(observe({ ...ctx, site, imageOrigins, cdn: config.deploy }));
  app.onError(onError);
  // Thrown, it would bypass the log line and the headers of `observe`.
  app.notFound((c) =>
    onError(
      new AppError("NOT_FOUND", `There is no page at ${c.req.path}.`),
      c,
    )
  );
  // Also if the role is off, because its clients cannot read an HTML page.
  app.use("/v2/*", surface("oci"));
  app.use("/auth/token", surface("oci"));
  app.use("/xrpc/*", surface("xrpc"));
  app.use("/api/*", surface("api"));
  app.use(refuseWritesWhile(ctx.readOnly));
  app.route(
    "/",
    opsRoutes({
      metrics: ctx.metrics,
      metricsToken: config.metrics.token,
      readiness: ctx.readiness,
      stopping: state.stopping,
    }),
  );
  app.route("/", staticRoutes(new URL("static/", root), look.files));
  app.route("/", preferenceRoutes(pageOrigin(config.server.base_url)));
  if (ctx.hold) app.route("/", holdRoutes(ctx.hold, state));
  const origin = clientOrigin(config.server);
  const clientOf = clientAddress({ trustProxy: config.server.trust_proxy });
  if (ctx.registry) {
    // Before the pages, so that pulls and pushes do not run their middleware.
    app.route(
      "/",
      v2Routes({
        ...ctx.registry,
        tokens: ctx.auth.tokens,
        admitLookUp: (c) => ctx.auth.lookUps.admit(clientOf(c)),
        session: ctx.auth.session,
        origin,
        maxManifestBytes: config.registry.max_manifest_bytes,
        catalog: config.registry.catalog,
      }),
    );
  }
  app.use(compressAnswers());
  if (ctx.registry) {
    const browsers = createBrowsers(ctx);
    app.route("/", authRoutes(ctx, browsers));
    if (ctx.webhooks) {
      const { webhooks } = ctx.webhooks;
      app.route("/", webhookApiRoutes({ webhooks, browsers }));
    }
    if (ctx.catalog) {
      const { mayReadAs } = ctx.registry;
      app.route(
        "/",
        publishedRoutes({
          catalog: ctx.catalog,
          mayRead: () => mayReadAs(undefined),
          origin: pageOrigin(config.server.base_url),
          pictures: ctx.share.pictures,
          brand: shareBrand(ctx.branding),
          site,
          addressOf: clientOf,
        }),
      );
      app.route(
        "/",
        publicApiRoutes({
          ...{ browsers, devices: ctx.auth.devices, catalog: ctx.catalog },
          mayReadAs,
          admit: (c, caller) => ctx.auth.apiLimit.admit(caller ?? clientOf(c)),
          origin: pageOrigin(config.server.base_url),
        }),
      );
    }
    app.route("/", ownerRoutes(ctx, browsers));
    app.route("/", helperRoutes(config.server, browsers, origin));
    const avatarPage = ctx.avatars && AVATARS_BESIDE_REGISTRY;
    app.route("/", exploreRoutes(ctx, browsers, avatarPage));
  }
  if (ctx.pictures) {
    const addressOf = clientAddress({ trustProxy: config.server.trust_proxy });
    app.route("/", remotePictureRoutes(ctx.pictures.remote, addressOf));
  }
  if (ctx.avatars) {
    // Last, because an identifier may look like other paths.
    const indexPath = ctx.registry ? AVATARS_BESIDE_REGISTRY : "/";
    const { trust_proxy: trustProxy, near_proxy: nearProxy } = config.server;
    const addressOf = clientAddress({ trustProxy, nearProxy });
    app.route("/", avatarRoutes(ctx.avatars, { indexPath, addressOf }));
  }
  return app;
}

/** Host in names of images. */
function registryHost(server: AppContext["config"]["server"]): string {
  const [host = new URL(server.base_url).host] = server.registry_domains;
  return host;
}

/** The credential helper with this registry's name in it. */
function helperRoutes(
  server: AppContext["config"]["server"],
  browsers: Browsers,
  origin: (request: Request) => string,
): Hono<AppEnv> {
  const base = new URL(server.base_url);
  const registry = registryHost(server);
  const helper = new HelperBundle({
    root: new URL("../", import.meta.url),
    version: VERSION,
    registry: `${base.protocol}//${registry}`,
  });
  return installRoutes({ helper, browsers, registry, origin });
}
