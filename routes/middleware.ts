/**
 * What happens around every request: an id, the access log, metrics, security
 * headers and the rendering of errors.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "@hono/hono";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { drainBody } from "./drain.ts";
import { renderError, surfaceOf } from "./render_error.ts";

/** Values that the middleware leaves for handlers. */
export interface AppEnv {
  Variables: {
    requestId: string;
    log: Logger;
  };
}

/** What {@linkcode observe} needs. */
export interface ObserveDeps {
  log: Logger;
  metrics: Metrics;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["x-frame-options", "DENY"],
  [
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  ],
];

/** Gives the request an id and a logger, counts it, and writes one log line when it is answered. */
export function observe(deps: ObserveDeps): MiddlewareHandler<AppEnv> {
  return async function observed(c, next) {
    const started = performance.now();
    const given = c.req.header("x-request-id");
    const requestId = given !== undefined && REQUEST_ID.test(given)
      ? given
      : crypto.randomUUID();
    const log = deps.log.with({ requestId });
    c.set("requestId", requestId);
    c.set("log", log);
    deps.metrics.httpInFlight.inc();
    try {
      await next();
    } finally {
      deps.metrics.httpInFlight.dec();
    }
    const surface = surfaceOf(c.req.path);
    const { headers, status } = c.res;
    headers.set("x-request-id", requestId);
    if (surface === "oci") {
      headers.set("docker-distribution-api-version", "registry/2.0");
    } else if (surface === "page") {
      for (const [name, value] of SECURITY_HEADERS) {
        if (!headers.has(name)) headers.set(name, value);
      }
    }
    const { method } = c.req;
    const ms = performance.now() - started;
    deps.metrics.httpRequests.inc({ surface, method, status });
    deps.metrics.httpDuration.observe({ surface, method }, ms / 1000);
    log.info("request", {
      method,
      path: c.req.path,
      status,
      ms: Math.round(ms * 10) / 10,
    });
  };
}

/** Renders whatever a handler threw. */
export async function onError(
  error: unknown,
  c: Context<AppEnv>,
): Promise<Response> {
  await drainBody(c.req.raw);
  return renderError(error, {
    surface: surfaceOf(c.req.path),
    requestId: c.get("requestId"),
    log: c.get("log"),
    method: c.req.method,
  });
}
