/**
 * Refuses what changes something while the server only reads.
 *
 * @module
 */

import type { MiddlewareHandler } from "@hono/hono";
import type { AppContext } from "../lib/context.ts";
import type { AppEnv } from "./middleware.ts";

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Signing in, tokens, and choices that stand in cookies go on. */
const ALLOWED = /^\/(auth|device|preferences)(\/|$)/;

/** Throws AppError `UNAVAILABLE` for requests that write while the mode is on. */
export function refuseWritesWhile(
  mode: AppContext["readOnly"],
): MiddlewareHandler<AppEnv> {
  const whileWritable: MiddlewareHandler<AppEnv> = async (_c, next) => {
    await mode.requireWritable();
    await next();
  };
  return (c, next) => {
    const isWrite = !READS.has(c.req.method) && !ALLOWED.test(c.req.path);
    return isWrite ? whileWritable(c, next) : next();
  };
}
