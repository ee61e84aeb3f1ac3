/**
 * The settings pages: devices, access tokens, sessions.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Did } from "../../lib/did.ts";
import type { Devices, MadeDevice } from "../../lib/auth/devices/devices.ts";
import { type Permission, permission } from "../../lib/auth/permissions.ts";
import type { SignIn } from "../../lib/auth/sign_in.ts";
import type { WebSessions } from "../../lib/auth/web_sessions.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { AppEnv } from "../middleware.ts";
import { devicesPage, sessionsPage } from "../pages/settings.tsx";
import type { Browsers, SignedInBrowser } from "./browser.ts";
import { readForm } from "./form.ts";
import { lifetimeOf } from "./lifetime.ts";

export interface SettingsDeps {
  devices: Devices;
  webSessions: WebSessions;
  signIn: SignIn;
  browsers: Browsers;
  /** Revokes the app password logins of an account. */
  endPasswordLogins: (did: Did) => Promise<void>;
  /** Whether the registry can write to the account's PDS. */
  isConnected: (did: Did) => Promise<boolean>;
  /** Host for `docker login`. */
  registry: string;
}

const ACCESS: Readonly<Record<string, readonly string[]>> = {
  pull: ["pull"],
  push: ["pull", "push"],
  delete: ["pull", "push", "delete"],
};

const MAX_PATTERNS = 10;

/** Serves `/settings/devices` and `/settings/sessions`. */
export function settingsRoutes(deps: SettingsDeps): Hono<AppEnv> {
  const { devices, webSessions, signIn, browsers } = deps;
  const app = new Hono<AppEnv>();
  app.use("/settings/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });

  app.get("/settings/devices", async (c) => {
    const browser = await browsers.current(c);
    if (!browser) return toSignIn(c);
    return await showDevices(c, deps, browser, {});
  });
  app.post("/settings/devices/tokens", async (c) => {
    const form = await readForm(c);
    const browser = await browsers.requireChange(c, form.get("csrf"));
    const { did } = browser.session;
    try {
      const made = await devices.create({
        did,
        name: form.get("name") ?? "",
        kind: "token",
        permissions: permissionsOf(form),
        lifetimeDays: lifetimeOf(form.get("days")),
      });
      c.get("log").info("token made", { did, id: made.device.id });
      return await showDevices(c, deps, browser, { made });
    } catch (error) {
      if (!isAppError(error)) throw error;
      c.status(error.spec.status as 400);
      return await showDevices(c, deps, browser, { problem: error.message });
    }
  });
  app.post("/settings/devices/revoke", async (c) => {
    const form = await readForm(c);
    const browser = await browsers.requireChange(c, form.get("csrf"));
    const { did } = browser.session;
    const id = form.get("id") ?? "";
    await devices.revoke(did, id);
    c.get("log").info("device revoked", { did, id });
    return c.redirect("/settings/devices", 303);
  });

  app.get("/settings/sessions", async (c) => {
    const browser = await browsers.current(c);
    if (!browser) return toSignIn(c);
    const { did, id } = browser.session;
    return c.html(sessionsPage({
      visitor: await browsers.visitor(c, browser),
      csrf: browser.csrf,
      sessions: await webSessions.list(did),
      current: id,
    }));
  });
  app.post("/settings/sessions/end", async (c) => {
    const form = await readForm(c);
    const browser = await browsers.requireChange(c, form.get("csrf"));
    const { did, id } = browser.session;
    const ended = form.get("id") ?? "";
    await webSessions.end(did, ended);
    await signIn.release(did);
    c.get("log").info("session ended", { did, id: ended });
    if (ended !== id) return c.redirect("/settings/sessions", 303);
    browsers.clearSession(c);
    return c.redirect("/", 303);
  });
  app.post("/settings/sessions/end-logins", async (c) => {
    const form = await readForm(c);
    const { session } = await browsers.requireChange(c, form.get("csrf"));
    await deps.endPasswordLogins(session.did);
    c.get("log").info("password logins ended", { did: session.did });
    return c.redirect("/settings/sessions", 303);
  });
  return app;
}

function toSignIn(c: Context<AppEnv>): Response {
  const query = new URLSearchParams({ return_to: c.req.path });
  return c.redirect(`/auth/login?${query}`, 303);
}

async function showDevices(
  c: Context<AppEnv>,
  deps: SettingsDeps,
  browser: SignedInBrowser,
  shown: { made?: MadeDevice; problem?: string },
): Promise<Response> {
  const { did } = browser.session;
  return c.html(devicesPage({
    visitor: await deps.browsers.visitor(c, browser),
    csrf: browser.csrf,
    devices: await deps.devices.list(did),
    registry: deps.registry,
    made: shown.made,
    problem: shown.problem,
    connected: await deps.isConnected(did),
  }));
}

/** One permission per pattern of the form. Throws AppError `INVALID_REQUEST`. */
function permissionsOf(form: URLSearchParams): Permission[] {
  const actions = ACCESS[form.get("access") ?? ""];
  const patterns = (form.get("repositories") ?? "").split(/[\s,]+/)
    .filter((pattern) => pattern !== "");
  if (!actions) {
    throw new AppError("INVALID_REQUEST", "Choose what the token may do.");
  }
  if (patterns.length === 0 || patterns.length > MAX_PATTERNS) {
    throw new AppError(
      "INVALID_REQUEST",
      `Name 1 to ${MAX_PATTERNS} repositories, or * for all.`,
    );
  }
  return patterns.map((pattern) => permission(pattern, actions));
}
