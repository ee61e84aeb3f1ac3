/**
 * Serves the credential helper and its installation page.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { HelperBundle } from "../lib/install/helper_bundle.ts";
import {
  installPowerShell,
  installShell,
} from "../lib/install/install_scripts.ts";
import type { Browsers } from "./auth/browser.ts";
import type { AppEnv } from "./middleware.ts";
import { installPage } from "./pages/install.tsx";

export interface InstallRoutesDeps {
  helper: HelperBundle;
  browsers: Browsers;
  /** Host in image names. */
  registry: string;
  /** Origin used by the client. */
  origin: (request: Request) => string;
}

/** Serves `/install`, the scripts and the helper itself. */
export function installRoutes(deps: InstallRoutesDeps): Hono<AppEnv> {
  const { helper, browsers, registry, origin } = deps;
  const app = new Hono<AppEnv>();
  app.get("/install", async (c) => {
    const visitor = await browsers.visitor(c, await browsers.current(c));
    c.header("cache-control", "no-store");
    return c.html(
      installPage({ visitor, registry, origin: origin(c.req.raw) }),
    );
  });
  app.get(
    "/install.sh",
    (c) => text(c, installShell(origin(c.req.raw)), "text/x-shellscript"),
  );
  app.get(
    "/install.ps1",
    (c) => text(c, installPowerShell(origin(c.req.raw)), "text/plain"),
  );
  app.get(
    "/install/docker-credential-atcr.js",
    async (c) => text(c, await helper.text(), "text/javascript"),
  );
  return app;
}

function text(c: Context<AppEnv>, body: string, type: string): Response {
  return c.body(body, 200, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "public, max-age=300",
  });
}
