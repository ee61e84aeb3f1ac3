/**
 * Who asks the public API: a signed-in browser, a program with an access token,
 * or anybody.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { Devices } from "../../../lib/auth/devices/devices.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import { parseAuthorization } from "../../../lib/oci/www_authenticate.ts";
import type { Browsers } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";

export interface CallerDeps {
  browsers: Pick<Browsers, "current">;
  devices: Pick<Devices, "authenticate">;
}

/**
 * The account that asks; undefined for anybody. Throws AppError `UNAUTHORIZED`
 * for a wrong token, and `DENIED` for one that does not cover all repositories,
 * because lists would show more than it may see.
 */
export async function callerOf(
  c: Context<AppEnv>,
  { browsers, devices }: CallerDeps,
): Promise<Did | undefined> {
  const header = c.req.header("authorization");
  if (header === undefined) return (await browsers.current(c))?.session.did;
  const credentials = parseAuthorization(header);
  const device = credentials?.scheme === "bearer"
    ? await devices.authenticate(credentials.token)
    : undefined;
  if (!device) {
    throw new AppError(
      "UNAUTHORIZED",
      "The access token is missing or wrong, has expired or was revoked; send it as Bearer.",
    );
  }
  const isForAll = device.permissions.some(({ pattern, actions }) =>
    pattern === "*" && actions.includes("pull")
  );
  if (isForAll) return device.did;
  throw new AppError(
    "DENIED",
    "The access token is for some repositories only; make one with repository:*:pull.",
  );
}
