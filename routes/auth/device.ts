/**
 * Device authorization for programs (RFC 8628, sections 3.1 to 3.5).
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { IdentityResolver } from "../../lib/atproto/identity/identity.ts";
import {
  DEVICE_CODE_SECONDS,
  type DeviceCodes,
  POLL_SECONDS,
  type PollResult,
} from "../../lib/auth/devices/device_codes.ts";
import {
  DEFAULT_PERMISSIONS,
  formatPermissions,
  parsePermissions,
} from "../../lib/auth/permissions.ts";
import { showUserCode } from "../../lib/auth/devices/user_code.ts";
import { isAppError } from "../../lib/errors.ts";
import type { ClientAddress } from "../server/client_address.ts";
import type { AppEnv } from "../middleware.ts";
import { readForm } from "./form.ts";

export interface DeviceRoutesDeps {
  deviceCodes: DeviceCodes;
  identities: IdentityResolver;
  addressOf: ClientAddress;
  /** Origin of the pages. */
  origin: string;
}

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";
const NO_STORE = { "cache-control": "no-store" };

/** Serves `/auth/device/code` and `/auth/device/token`. */
export function deviceRoutes(deps: DeviceRoutesDeps): Hono<AppEnv> {
  const { deviceCodes } = deps;
  const app = new Hono<AppEnv>();

  app.post("/auth/device/code", async (c) => {
    try {
      const form = await readForm(c);
      const scope = form.get("scope");
      const { deviceCode, userCode } = await deviceCodes.start({
        name: form.get("client_name") ?? "",
        permissions: scope ? parsePermissions(scope) : DEFAULT_PERMISSIONS,
        address: deps.addressOf(c),
        agent: c.req.header("user-agent") ?? "",
      });
      const shown = showUserCode(userCode);
      const page = new URL("/device", deps.origin).href;
      return c.json(
        {
          device_code: deviceCode,
          user_code: shown,
          verification_uri: page,
          verification_uri_complete: `${page}?code=${shown}`,
          expires_in: DEVICE_CODE_SECONDS,
          interval: POLL_SECONDS,
        },
        200,
        NO_STORE,
      );
    } catch (error) {
      return refusal(c, error);
    }
  });

  app.post("/auth/device/token", async (c) => {
    try {
      const form = await readForm(c);
      if (form.get("grant_type") !== GRANT_TYPE) {
        return answer(
          c,
          "unsupported_grant_type",
          `Use grant_type=${GRANT_TYPE}.`,
        );
      }
      const result = await deviceCodes.poll(form.get("device_code") ?? "");
      if (result.kind !== "approved") return waiting(c, result);
      const { device, secret } = result;
      return c.json(
        {
          access_token: secret,
          token_type: "Bearer",
          expires_in: Math.floor((device.expiresAt - device.createdAt) / 1000),
          scope: formatPermissions(device.permissions),
          did: device.did,
          handle: await handleOf(deps, device.did),
          device_id: device.id,
        },
        200,
        NO_STORE,
      );
    } catch (error) {
      return refusal(c, error);
    }
  });
  return app;
}

type Did = Parameters<IdentityResolver["forget"]>[0];

async function handleOf(
  { identities }: DeviceRoutesDeps,
  did: Did,
): Promise<string> {
  try {
    return (await identities.resolve(did)).handle ?? did;
  } catch (error) {
    if (isAppError(error)) return did;
    throw error;
  }
}

/** The answer while there is no token, and when there will be none. */
function waiting(
  c: Context<AppEnv>,
  result: Exclude<PollResult, { kind: "approved" }>,
): Response {
  switch (result.kind) {
    case "pending":
      return answer(
        c,
        "authorization_pending",
        "Waiting for the approval in the browser.",
      );
    case "slow_down":
      return answer(
        c,
        "slow_down",
        `Poll no more often than every ${result.pollSeconds} seconds.`,
      );
    case "denied":
      return answer(c, "access_denied", "The request was denied.");
    case "expired":
      return answer(c, "expired_token", "The code has expired. Start again.");
    case "unknown":
      return answer(
        c,
        "invalid_grant",
        "The device code is not known or was used before. Start again.",
      );
  }
}

/** An error in the form of OAuth (RFC 6749, section 5.2). */
function answer(
  c: Context<AppEnv>,
  error: string,
  description: string,
  status: 400 | 413 | 415 | 429 = 400,
): Response {
  return c.json({ error, error_description: description }, status, NO_STORE);
}

function refusal(c: Context<AppEnv>, error: unknown): Response {
  if (isAppError(error, "TOOMANYREQUESTS")) {
    c.header("retry-after", String(error.retryAfterSeconds ?? 1));
    return answer(c, "slow_down", error.message, 429);
  }
  if (isAppError(error, "DENIED")) {
    return answer(c, "access_denied", error.message);
  }
  if (isAppError(error, "INVALID_REQUEST")) {
    return answer(c, "invalid_request", error.message);
  }
  if (isAppError(error, "UNSUPPORTED_MEDIA_TYPE")) {
    return answer(c, "invalid_request", error.message, 415);
  }
  if (isAppError(error, "TOO_LARGE")) {
    return answer(c, "invalid_request", error.message, 413);
  }
  throw error;
}
