/**
 * All methods of `io.atcr.hold.*`.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { AppEnv } from "../middleware.ts";
import {
  type HoldAccountRoutesDeps,
  mountHoldAccount,
} from "./hold_account.ts";
import { type HoldCrewRoutesDeps, mountHoldCrew } from "./hold_crew.ts";
import { type HoldNotifyRoutesDeps, mountHoldNotify } from "./hold_notify.ts";
import { type HoldUploadRoutesDeps, mountHoldUploads } from "./hold_uploads.ts";

/** What {@linkcode createHoldRoutes} needs. */
export type HoldRoutesDeps =
  & HoldUploadRoutesDeps
  & HoldCrewRoutesDeps
  & HoldNotifyRoutesDeps
  & HoldAccountRoutesDeps;

/** The routes, to be mounted at `/xrpc`. */
export function createHoldRoutes(deps: HoldRoutesDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  mountHoldUploads(app, deps);
  mountHoldCrew(app, deps);
  mountHoldNotify(app, deps);
  mountHoldAccount(app, deps);
  return app;
}
