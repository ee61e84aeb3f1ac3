/**
 * An app without routes, for tests of some of them.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { type AppEnv, onError } from "./middleware.ts";
import { silentLogger } from "../lib/testing_log.ts";

/** Renders errors like the program, and logs nothing. */
export function createTestApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("requestId", "test");
    c.set("log", silentLogger);
    await next();
  });
  app.onError(onError);
  return app;
}
