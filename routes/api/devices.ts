/**
 * Devices and access tokens as JSON: for the pages, authenticated by the
 * browser session, and for a program about itself, with its own secret.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { z } from "zod";
import type { IdentityResolver } from "../../lib/atproto/identity/identity.ts";
import {
  type Device,
  type Devices,
  MAX_LIFETIME_DAYS,
} from "../../lib/auth/devices/devices.ts";
import {
  formatPermissions,
  parsePermissions,
} from "../../lib/auth/permissions.ts";
import type { SignIn } from "../../lib/auth/sign_in.ts";
import { AppError } from "../../lib/errors.ts";
import { parseAuthorization } from "../../lib/oci/www_authenticate.ts";
import type { Browsers } from "../auth/browser.ts";
import type { AppEnv } from "../middleware.ts";
import { readJson } from "./json_body.ts";

export interface DeviceApiDeps {
  devices: Devices;
  signIn: SignIn;
  browsers: Browsers;
  identities: IdentityResolver;
}

const NO_STORE = { "cache-control": "no-store" };

const newToken = z.strictObject({
  name: z.string(),
  /** As `repository:app:pull,push`. */
  scope: z.string(),
  lifetime_days: z.int().min(1).max(MAX_LIFETIME_DAYS),
});

/** Serves `/api/devices`. */
export function deviceApiRoutes(deps: DeviceApiDeps): Hono<AppEnv> {
  const { devices, signIn, browsers, identities } = deps;
  const app = new Hono<AppEnv>();

  app.get("/api/devices/self", async (c) => {
    const device = await bySecret(c, devices);
    const { handle } = await identities.resolve(device.did);
    const about = { did: device.did, handle: handle ?? device.did };
    return c.json({ ...shown(device), ...about }, 200, NO_STORE);
  });
  app.delete("/api/devices/self", async (c) => {
    const device = await bySecret(c, devices);
    await devices.revoke(device.did, device.id);
    await signIn.release(device.did);
    c.get("log").info("device revoked", { did: device.did, id: device.id });
    return c.body(null, 204);
  });

  app.get("/api/devices", async (c) => {
    const browser = await browsers.current(c);
    if (!browser) throw new AppError("UNAUTHORIZED", "Sign in first.");
    const list = await devices.list(browser.session.did);
    return c.json({ devices: list.map(shown) }, 200, NO_STORE);
  });
  app.post("/api/devices", async (c) => {
    const token = c.req.header("x-csrf-token");
    const { session } = await browsers.requireChange(c, token);
    const wanted = await readJson(c, newToken);
    const { device, secret } = await devices.create({
      did: session.did,
      name: wanted.name,
      kind: "token",
      permissions: parsePermissions(wanted.scope),
      lifetimeDays: wanted.lifetime_days,
    });
    c.get("log").info("token made", { did: session.did, id: device.id });
    return c.json({ ...shown(device), secret }, 201, NO_STORE);
  });
  app.delete("/api/devices/:id", async (c) => {
    const token = c.req.header("x-csrf-token");
    const { session } = await browsers.requireChange(c, token);
    const id = c.req.param("id");
    await devices.revoke(session.did, id);
    c.get("log").info("device revoked", { did: session.did, id });
    return c.body(null, 204);
  });
  return app;
}

/** The device whose secret the request sends as Bearer. Throws AppError `UNAUTHORIZED`. */
async function bySecret(
  c: Context<AppEnv>,
  devices: Devices,
): Promise<Device> {
  const credentials = parseAuthorization(c.req.header("authorization"));
  const device = credentials?.scheme === "bearer"
    ? await devices.authenticate(credentials.token)
    : undefined;
  if (device) return device;
  throw new AppError(
    "UNAUTHORIZED",
    "The device secret is missing or wrong, has expired or was revoked.",
  );
}

function shown(device: Device) {
  const time = (at: number) => new Date(at).toISOString();
  return {
    id: device.id,
    name: device.name,
    kind: device.kind,
    scope: formatPermissions(device.permissions),
    created_at: time(device.createdAt),
    expires_at: time(device.expiresAt),
    last_used_at: device.lastUsedAt === undefined
      ? null
      : time(device.lastUsedAt),
  };
}
