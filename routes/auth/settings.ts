/**
 * The settings pages: devices, access tokens, sessions.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Clock } from "../../lib/clock.ts";
import type { Did } from "../../lib/did.ts";
import type { Devices, MadeDevice } from "../../lib/auth/devices/devices.ts";
import { type Permission, permission } from "../../lib/auth/permissions.ts";
import type { SignIn } from "../../lib/auth/sign_in.ts";
import type { WebSessions } from "../../lib/auth/web_sessions.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { AppEnv } from "../middleware.ts";
import {
  devicesPage,
  NEW_TOKEN,
  type TokenForm,
} from "../pages/settings/devices_page.tsx";
import { sessionsPage } from "../pages/settings/sessions_page.tsx";
import type { Browsers, SignedInBrowser } from "./browser.ts";
import { lifetimeOf } from "./lifetime.ts";
import { changing, signedIn } from "./signed_in.ts";

export interface SettingsDeps {
  clock: Clock;
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
  const { devices, browsers } = deps;
  const app = new Hono<AppEnv>();
  app.get(
    "/settings/devices",
    signedIn(browsers, (c, browser) => showDevices(c, deps, browser, {})),
  );
  app.post(
    "/settings/devices/tokens",
    changing(browsers, async (c, browser, form) => {
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
        const typed = typedToken(form);
        const problem = error.message;
        return await showDevices(c, deps, browser, { problem, typed });
      }
    }),
  );
  app.post(
    "/settings/devices/revoke",
    changing(browsers, async (c, { session: { did } }, form) => {
      const id = form.get("id") ?? "";
      await devices.revoke(did, id);
      c.get("log").info("device revoked", { did, id });
      return c.redirect("/settings/devices", 303);
    }),
  );
  app.route("/", sessionRoutes(deps));
  return app;
}

function sessionRoutes(
  { webSessions, signIn, browsers, clock, endPasswordLogins }: SettingsDeps,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/settings/sessions",
    signedIn(browsers, async (c, browser) => {
      const { did, id } = browser.session;
      return c.html(sessionsPage({
        visitor: await browsers.visitor(c, browser),
        csrf: browser.csrf,
        sessions: await webSessions.list(did),
        current: id,
        now: clock.now(),
      }));
    }),
  );
  app.post(
    "/settings/sessions/end",
    changing(browsers, async (c, { session: { did, id } }, form) => {
      const ended = form.get("id") ?? "";
      await webSessions.end(did, ended);
      await signIn.release(did);
      c.get("log").info("session ended", { did, id: ended });
      if (ended !== id) return c.redirect("/settings/sessions", 303);
      browsers.clearSession(c);
      return c.redirect("/", 303);
    }),
  );
  app.post(
    "/settings/sessions/end-others",
    changing(browsers, async (c, { session: { did, id } }) => {
      for (const other of await webSessions.list(did)) {
        if (other.id !== id) await webSessions.end(did, other.id);
      }
      c.get("log").info("other sessions ended", { did });
      return c.redirect("/settings/sessions", 303);
    }),
  );
  app.post(
    "/settings/sessions/end-logins",
    changing(browsers, async (c, { session: { did } }) => {
      await endPasswordLogins(did);
      c.get("log").info("password logins ended", { did });
      return c.redirect("/settings/sessions", 303);
    }),
  );
  return app;
}

async function showDevices(
  c: Context<AppEnv>,
  deps: SettingsDeps,
  browser: SignedInBrowser,
  { made, problem, typed = NEW_TOKEN }: {
    made?: MadeDevice;
    problem?: string;
    typed?: TokenForm;
  },
): Promise<Response> {
  const { did } = browser.session;
  return c.html(devicesPage({
    ...{ made, problem, typed },
    visitor: await deps.browsers.visitor(c, browser),
    csrf: browser.csrf,
    devices: await deps.devices.list(did),
    registry: deps.registry,
    connected: await deps.isConnected(did),
    now: deps.clock.now(),
  }));
}

function typedToken(form: URLSearchParams): TokenForm {
  return {
    name: form.get("name") ?? "",
    repositories: form.get("repositories") ?? "",
    access: form.get("access") ?? "",
    days: Number(form.get("days")),
  };
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
