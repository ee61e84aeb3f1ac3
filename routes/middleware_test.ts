import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { AppError } from "../lib/errors.ts";
import { createLogger } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { type AppEnv, observe, onError, surface } from "./middleware.ts";

/** Sends a request to a failing handler, and returns the status and the logged levels. */
async function fail(
  error: unknown,
  init: RequestInit = {},
): Promise<{ status: number; levels: string[] }> {
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    write: (line) => lines.push(line),
  });
  const app = new Hono<AppEnv>();
  app.use(observe({ log, metrics: new Metrics() }));
  app.onError(onError);
  app.all("/v2/", () => {
    throw error;
  });
  const { status } = await app.request("/v2/", init);
  return { status, levels: lines.map((line) => JSON.parse(line).level) };
}

Deno.test("an unexpected error is logged as an error", async () => {
  const { status, levels } = await fail(new TypeError("oops"));
  assert.equal(status, 500);
  assert.deepEqual(levels, ["error", "info"]);
});

Deno.test("a failure because the client has disconnected is not logged as an error", async () => {
  const signal = AbortSignal.abort();
  const { levels } = await fail(new Error("aborted"), { signal });
  assert.deepEqual(levels, ["debug", "info"]);
});

Deno.test("an error has the form of the surface that its path is mounted for, and a page elsewhere", async () => {
  const metrics = new Metrics();
  const log = createLogger({ level: "error", write: () => {} });
  const app = new Hono<AppEnv>();
  app.use(observe({ log, metrics }));
  app.onError(onError);
  app.use("/calls/*", surface("xrpc"));
  app.get("/pictures/:name", surface("avatar"), () => {
    throw new AppError("NAME_UNKNOWN", "No such account.");
  });
  app.all("*", () => {
    throw new AppError("NOT_FOUND", "Nothing here.");
  });
  const answer = async (path: string, accept = "*/*") => {
    const response = await app.request(path, { headers: { accept } });
    return [response.headers.get("content-type"), await response.text()];
  };
  const json = "application/json";
  assert.deepEqual(await answer("/calls/a"), [
    json,
    '{"error":"NotFound","message":"Nothing here."}',
  ]);
  assert.deepEqual(await answer("/pictures/a"), [
    "text/plain; charset=utf-8",
    "No such account.\n",
  ]);
  assert.deepEqual(await answer("/pictures/a.json"), [
    json,
    '{"error":"NOT_FOUND","message":"No such account."}',
  ]);
  const [type] = await answer("/pictures/a", "text/html");
  assert.equal(type, "text/html; charset=utf-8");
  assert.match(`${await answer("/elsewhere")}`, /<h1>Not found<\/h1>/);
  const counted = await metrics.text();
  for (const name of ["xrpc", "avatar", "page"]) {
    assert.match(counted, new RegExp(`http_requests_total.*"${name}"`));
  }
});

Deno.test("pages and pictures say what scripts may do in them; scripts and style sheets need not", async () => {
  const log = createLogger({ level: "error", write: () => {} });
  const app = new Hono<AppEnv>();
  app.use(observe({ log, metrics: new Metrics() }));
  app.get(
    "/",
    (c) => c.body("", 200, { "content-type": c.req.query("type") ?? "" }),
  );
  const headersOf = async (type: string) => {
    const { headers } = await app.request(`/?${new URLSearchParams({ type })}`);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    return headers.has("content-security-policy");
  };
  for (const type of ["text/html", "image/svg+xml", "application/xml", ""]) {
    assert.equal(await headersOf(type), true, type);
  }
  for (const type of ["text/javascript; charset=utf-8", "text/css"]) {
    assert.equal(await headersOf(type), false, type);
  }
});
