/**
 * Serves the public API, its document, and the page about it.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import type { Browsers } from "../../auth/browser.ts";
import { sendKept } from "../../conditional.ts";
import { CORS_HEADERS, preflightAnswer } from "../../cors.ts";
import type { AppEnv } from "../../middleware.ts";
import { apiPage } from "./api_page.tsx";
import { type CallerDeps, callerOf } from "./caller.ts";
import { API_ROOT, openApiDocument } from "./openapi.ts";
import type { Operation } from "./operation.ts";
import { apiOperations } from "./operations.ts";

export interface PublicApiDeps extends CallerDeps {
  readonly browsers: Browsers;
  readonly catalog: CatalogContext;
  /** Where an account, or anybody, may pull. */
  readonly mayReadAs: (caller: Did | undefined) => MayRead;
  /** Counts a request; throws AppError `TOOMANYREQUESTS` where there are too many. */
  readonly admit: (
    c: Context<AppEnv>,
    caller: Did | undefined,
  ) => Promise<void>;
  /** Where the API is served. */
  readonly origin: string;
}

/** How long answers for everybody may be kept, in seconds. */
const ANSWER_SECONDS = 15;
const DOCUMENT_SECONDS = 300;

/** Serves `/api` and everything below `/api/v1` that everybody may read. */
export function publicApiRoutes(deps: PublicApiDeps): Hono<AppEnv> {
  const { browsers, catalog, origin } = deps;
  const app = new Hono<AppEnv>();
  const operations = apiOperations(catalog);
  const document = openApiDocument(operations, origin);
  for (const operation of operations) mount(app, deps, operation);
  app.get(`${API_ROOT}/openapi.json`, (c) =>
    sendKept(c, {
      body: JSON.stringify(document),
      type: "application/json",
      publicSeconds: DOCUMENT_SECONDS,
      headers: CORS_HEADERS,
    }));
  app.get("/api", async (c) => {
    c.set("surface", "page");
    c.header("cache-control", "private, no-cache");
    const visitor = await browsers.visitor(c, await browsers.current(c));
    return c.html(apiPage({ visitor, operations, document, origin }));
  });
  return app;
}

function mount(
  app: Hono<AppEnv>,
  deps: PublicApiDeps,
  { path, answer }: Operation,
): void {
  const route = `${API_ROOT}${path}`
    .replace("{name}", ":name{.+}")
    .replaceAll(/\{(\w+)\}/g, ":$1");
  app.use(route, async (c, next) => {
    c.set("errorHeaders", CORS_HEADERS);
    await next();
  });
  app.get(route, async (c) => {
    const caller = await callerOf(c, deps);
    await deps.admit(c, caller);
    const value = await answer({
      params: c.req.param(),
      query: new URL(c.req.url).searchParams,
      mayRead: deps.mayReadAs(caller),
    });
    return sendKept(c, {
      body: JSON.stringify(value),
      type: "application/json",
      publicSeconds: caller === undefined ? ANSWER_SECONDS : undefined,
      headers: CORS_HEADERS,
    });
  });
  app.options(route, preflightAnswer);
  app.all(route, () => {
    throw new AppError("UNSUPPORTED", "This can only be read; use GET.", {
      detail: { allowed: ["GET", "HEAD", "OPTIONS"] },
    });
  });
}
