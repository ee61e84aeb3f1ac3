/**
 * Endpoints for operators and orchestrators: liveness, readiness, metrics.
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";
import { Hono } from "@hono/hono";
import type { Readiness } from "../lib/context/readiness.ts";
import { AppError } from "../lib/errors.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { AppEnv } from "./middleware.ts";

export interface OpsDeps {
  metrics: Metrics;
  /** When set, `/metrics` requires it as Bearer token. */
  metricsToken: string | undefined;
  readiness: Pick<Readiness, "report">;
  /** True once the program has started to stop. */
  stopping: () => boolean;
}

/** `/health`, `/livez`, `/readyz` and `/metrics`. */
export function opsRoutes(deps: OpsDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/livez", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    if (deps.stopping()) {
      return c.json({ status: "stopping", checks: {} }, 503);
    }
    const { ready, checks } = await deps.readiness.report();
    return c.json({ status: ready ? "ok" : "not ready", checks }, {
      status: ready ? 200 : 503,
    });
  });
  app.get("/metrics", async (c) => {
    if (deps.metricsToken !== undefined) {
      requireToken(c.req.header("authorization"), deps.metricsToken);
    }
    return c.body(await deps.metrics.text(), 200, {
      "content-type": deps.metrics.contentType,
    });
  });
  return app;
}

function requireToken(header: string | undefined, token: string): void {
  const encode = (text: string) => new TextEncoder().encode(text);
  const given = encode(header ?? "");
  const wanted = encode(`Bearer ${token}`);
  const equal = given.length === wanted.length &&
    timingSafeEqual(given, wanted);
  if (!equal) {
    throw new AppError(
      "UNAUTHORIZED",
      "Metrics need the token of the setting metrics.token.",
    );
  }
}
