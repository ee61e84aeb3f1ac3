/**
 * Middleware of every request: an id, the access log, metrics, security headers
 * and the rendering of errors.
 *
 * @module
 */

import type { Context, MiddlewareHandler, Next } from "@hono/hono";
import { routePath } from "@hono/hono/route";
import { AppError, isAppError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Tracing } from "../lib/tracing.ts";
import { frameOf, type Site } from "./pages/frame/frame.ts";
import { drainBody } from "./server/drain.ts";
import type { Connection } from "./server/serve.ts";
import { renderError, type Surface } from "./render_error.ts";

/** Values that the middleware sets for handlers. */
export interface AppEnv {
  Bindings: Connection;
  Variables: {
    requestId: string;
    log: Logger;
    /** Set by {@linkcode surface}; a page by default. */
    surface?: Surface;
    /** What the frame of every page says; only some of it in tests. */
    site?: Partial<Site> | undefined;
    /** Additional headers of error responses. */
    errorHeaders?: Readonly<Record<string, string>>;
  };
}

export interface ObserveDeps {
  log: Logger;
  metrics: Metrics;
  /** Whether a cache of Deno Deploy stands in front. */
  cdn?: boolean;
  /** Makes a span of each request; none by default. */
  tracing?: Tracing | undefined;
  /** What the frame of every page says. */
  site?: Partial<Site>;
  /** Origins besides our own that pictures on pages may come from. */
  imageOrigins?: readonly string[];
}

const METHODS = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/** Types that browsers show as plain text at most: what pages may do does not matter there. */
const NEVER_SHOWN = /^(?:text\/(?:javascript|css)|application\/speculation)/;

/** Headers of everything that browsers load. */
const FOR_ALL = [["x-content-type-options", "nosniff"]] as const;

/** Headers of pages. Scripts can neither be written into a page nor made of text (Trusted Types). */
function securityHeaders(
  imageOrigins: readonly string[],
): readonly (readonly [string, string])[] {
  const images = ["'self'", ...imageOrigins].join(" ");
  return [
    ...FOR_ALL,
    ["referrer-policy", "no-referrer"],
    ["x-frame-options", "DENY"],
    // Browsers that know it load what a pointer rests on.
    ["speculation-rules", '"/static/prefetch.speculationrules"'],
    [
      "content-security-policy",
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src ${images}; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
    ],
  ];
}

/** Assigns the request an id and a logger, counts it, and writes one log line when it is done. */
export function observe(deps: ObserveDeps): MiddlewareHandler<AppEnv> {
  const count = counters(deps.metrics);
  const security = securityHeaders(deps.imageOrigins ?? []);
  const handle = async (c: Context<AppEnv>, next: Next) => {
    const started = performance.now();
    const given = c.req.header("x-request-id");
    const requestId = given !== undefined && REQUEST_ID.test(given)
      ? given
      : crypto.randomUUID();
    const log = deps.log.with({ requestId });
    c.set("requestId", requestId);
    c.set("log", log);
    c.set("site", deps.site);
    deps.metrics.httpInFlight.inc();
    try {
      await next();
      await drainBody(c.req.raw);
    } finally {
      deps.metrics.httpInFlight.dec();
    }
    const surface = c.get("surface") ?? "page";
    addHeader(c, "x-request-id", requestId);
    if (surface === "oci") {
      addHeader(c, "docker-distribution-api-version", "registry/2.0");
    } else if (surface === "page" || surface === "avatar") {
      const { headers } = c.res;
      const type = headers.get("content-type") ?? "";
      for (const [name, value] of NEVER_SHOWN.test(type) ? FOR_ALL : security) {
        if (!headers.has(name)) headers.set(name, value);
      }
    }
    if (deps.cdn) keepOutOfCdn(c);
    const { method } = c.req;
    const { status } = c.res;
    const ms = performance.now() - started;
    count(surface, method, status, ms / 1000);
    log.info("request", {
      method,
      path: c.req.path,
      status,
      ms: Math.round(ms * 10) / 10,
    });
    if (c.error) {
      deps.metrics.system.refused(
        surface,
        isAppError(c.error) ? c.error.code : "INTERNAL",
      );
    }
  };
  return deps.tracing ? traced(deps.tracing, handle) : handle;
}

/** Runs `handle` in a span of its own. */
function traced(
  tracing: Tracing,
  handle: (c: Context<AppEnv>, next: Next) => Promise<void>,
): MiddlewareHandler<AppEnv> {
  return (c, next) =>
    tracing.request("request", traceHeaders(c), async (span) => {
      await handle(c, next);
      const method = METHODS.has(c.req.method) ? c.req.method : "_OTHER";
      span.updateName(`${method} ${c.get("surface") ?? "page"}`);
      // The pattern, not the path: names of accounts do not belong into traces.
      span.setAttributes({
        "http.request.method": method,
        "http.route": routePath(c),
        "http.response.status_code": c.res.status,
      });
    });
}

/**
 * Keeps answers out of the platform's cache, except for files of the program:
 * it would serve content after it was deleted or made private, and pulls would
 * not be counted.
 */
function keepOutOfCdn(c: Context<AppEnv>): void {
  if (c.req.path.startsWith("/static/")) return;
  addHeader(c, "deno-cdn-cache-control", "no-store");
}

/** Headers by which a caller continues its trace. */
function traceHeaders(c: Context<AppEnv>) {
  const traceparent = c.req.header("traceparent");
  const tracestate = c.req.header("tracestate");
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** Adds a header to the response in the cheapest way. */
function addHeader(c: Context<AppEnv>, name: string, value: string): void {
  const connection: Connection = c.env ?? {};
  if (connection.addHeader) connection.addHeader(name, value);
  else c.res.headers.set(name, value);
}

/** Counts requests. Metrics are looked up by labels once, not per request. */
function counters(metrics: Metrics) {
  const requests = new Map<string, { inc(): void }>();
  const durations = new Map<string, { observe(seconds: number): void }>();
  return (
    surface: Surface,
    method: string,
    status: number,
    seconds: number,
  ): void => {
    // Clients choose the method; they must not create labels.
    const known = METHODS.has(method) ? method : "other";
    const key = `${surface} ${known}`;
    let duration = durations.get(key);
    if (!duration) {
      duration = metrics.httpDuration.labels(surface, known);
      durations.set(key, duration);
    }
    duration.observe(seconds);
    const full = `${key} ${status}`;
    let request = requests.get(full);
    if (!request) {
      request = metrics.httpRequests.labels(surface, known, String(status));
      requests.set(full, request);
    }
    request.inc();
  };
}

/** Sets the surface of a path, which determines the form of its errors. */
export function surface(name: Surface): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    c.set("surface", name);
    return next();
  };
}

/** Renders any error of a handler; the only error handler of the program. */
export function onError(error: unknown, c: Context<AppEnv>): Response {
  let known = error;
  // A failure after the client has disconnected is not the server's.
  if (!isAppError(error) && c.req.raw.signal.aborted) {
    c.get("log").debug("request given up", { error });
    known = new AppError(
      "INVALID_REQUEST",
      "The client closed the connection.",
    );
  }
  return renderError(known, {
    surface: c.get("surface") ?? "page",
    requestId: c.get("requestId"),
    log: c.get("log"),
    method: c.req.method,
    path: c.req.path,
    accept: c.req.header("accept"),
    headers: c.get("errorHeaders"),
    frame: frameOf(c),
  });
}
