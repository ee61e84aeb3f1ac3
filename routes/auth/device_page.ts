/**
 * The page on which a user approves a device.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type {
  DeviceCodes,
  DeviceRequest,
} from "../../lib/auth/devices/device_codes.ts";
import type { Permission } from "../../lib/auth/permissions.ts";
import {
  parseUserCode,
  showUserCode,
} from "../../lib/auth/devices/user_code.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { AppEnv } from "../middleware.ts";
import {
  deviceApprovalPage,
  deviceCodePage,
  deviceDonePage,
} from "../pages/device.tsx";
import type { Browsers, SignedInBrowser } from "./browser.ts";
import { readForm } from "./form.ts";
import { lifetimeOf } from "./lifetime.ts";

export interface DevicePageDeps {
  deviceCodes: DeviceCodes;
  browsers: Browsers;
}

/** Serves `/device`. */
export function devicePageRoutes(deps: DevicePageDeps): Hono<AppEnv> {
  const { deviceCodes, browsers } = deps;
  const app = new Hono<AppEnv>();

  app.get("/device", async (c) => {
    c.header("cache-control", "no-store");
    const code = c.req.query("code")?.slice(0, 40) ?? "";
    const browser = await browsers.current(c);
    if (!browser) return toSignIn(c, code);
    if (code === "") return await codePage(c, deps, browser, "", undefined);
    try {
      const request = await deviceCodes.find(
        code,
        browser.session.did,
        browsers.info(c).address,
      );
      return c.html(deviceApprovalPage({
        visitor: await browsers.visitor(c, browser),
        code: showUserCode(parseUserCode(code) ?? ""),
        request,
        csrf: browser.csrf,
      }));
    } catch (error) {
      return await codePage(c, deps, browser, code, error);
    }
  });

  app.post("/device", async (c) => {
    c.header("cache-control", "no-store");
    const form = await readForm(c);
    const browser = await browsers.requireChange(c, form.get("csrf"));
    const code = form.get("code") ?? "";
    const { did } = browser.session;
    const { address } = browsers.info(c);
    const approved = form.get("decision") === "approve";
    if (!approved && form.get("decision") !== "deny") {
      throw new AppError("INVALID_REQUEST", "Choose to connect or to refuse.");
    }
    try {
      const request = await deviceCodes.find(code, did, address);
      if (approved) {
        await deviceCodes.approve(code, did, address, {
          permissions: grantedOf(request, form.get("read_only") === "yes"),
          lifetimeDays: lifetimeOf(form.get("days")),
        });
      } else {
        await deviceCodes.deny(code, did, address);
      }
      c.get("log").info("device answered", { did, approved });
      const visitor = await browsers.visitor(c, browser);
      return c.html(deviceDonePage({ visitor, name: request.name, approved }));
    } catch (error) {
      return await codePage(c, deps, browser, code, error);
    }
  });
  return app;
}

function toSignIn(c: Context<AppEnv>, code: string): Response {
  const here = code === ""
    ? "/device"
    : `/device?${new URLSearchParams({ code })}`;
  return c.redirect(
    `/auth/login?${new URLSearchParams({ return_to: here })}`,
    303,
  );
}

/** The page to enter a code; `error` says what is wrong with the entered one. */
async function codePage(
  c: Context<AppEnv>,
  { browsers }: DevicePageDeps,
  browser: SignedInBrowser,
  code: string,
  error: unknown,
): Promise<Response> {
  if (error !== undefined && !isAppError(error)) throw error;
  c.status((error?.spec.status ?? 200) as 200);
  if (error?.retryAfterSeconds !== undefined) {
    c.header("retry-after", String(Math.ceil(error.retryAfterSeconds)));
  }
  return c.html(deviceCodePage({
    visitor: await browsers.visitor(c, browser),
    code,
    problem: error?.message,
  }));
}

/** The requested permissions, or only their pull part. */
function grantedOf(
  { permissions }: DeviceRequest,
  readOnly: boolean,
): readonly Permission[] {
  if (!readOnly) return permissions;
  return permissions.flatMap(({ pattern, actions }) =>
    actions.includes("pull") ? [{ pattern, actions: ["pull"] }] : []
  );
}
