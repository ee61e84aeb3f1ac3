/**
 * Pages for everybody: start, search, activity, boards, accounts, repositories.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { AppContext } from "../lib/context.ts";
import { remotePicturePath } from "./avatar/remote_pictures.ts";
import type { Browsers } from "./auth/browser.ts";
import type { AppEnv } from "./middleware.ts";
import type { DiscoveryDeps } from "./pages/discovery/deps.ts";
import { liveRoutes } from "./pages/discovery/live.ts";
import { discoveryRoutes } from "./pages/discovery/routes.ts";
import { sayLag } from "./pages/frame/lag.tsx";
import { peopleRoutes } from "./pages/people/routes.ts";
import { hostOf } from "./pages/host_of.ts";
import { pictures } from "./pages/pictures.ts";
import { repositoryRoutes } from "./pages/repository/routes.ts";
import { clientAddress } from "./server/client_address.ts";

/** Mounts them; nothing where no registry runs. `avatars` is the path of the page about pictures. */
export function exploreRoutes(
  ctx: AppContext,
  browsers: Browsers,
  avatars: string | undefined,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { registry, index, social, catalog, live, auth, config, clock } = ctx;
  if (!registry || !index || !social || !catalog || !live) return app;
  const { server, pages, sandbox } = config;
  const addressOf = clientAddress({ trustProxy: server.trust_proxy });
  const deps: DiscoveryDeps = {
    ...registry,
    ...{ browsers, clock, catalog, index, social, avatars },
    hostOf: hostOf(server.registry_domains, new URL(server.base_url).host),
    manifests: index.manifests,
    pictureOf: pictures(ctx.avatars),
    example: sandbox.enabled ? "alice.test" : "your.handle",
    featured: pages.featured,
  };
  app.use(sayLag(index.lag, clock));
  app.route("/", liveRoutes({ ...deps, live, addressOf }));
  app.route("/", discoveryRoutes(deps));
  const remote = ctx.pictures?.remote;
  const all = {
    pictures: ctx.pictures?.records,
    addressOf,
    pictureOfUrl: remote && ((url: string) => {
      const name = remote.nameOf(url);
      return name && remotePicturePath(name);
    }),
    ...{ ...registry, ...deps, session: auth.session },
    admitLookUp: (c: Context<AppEnv>) => auth.lookUps.admit(addressOf(c)),
  };
  app.route("/", peopleRoutes(all));
  app.route("/", repositoryRoutes(all));
  return app;
}
