import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { createLogger } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { type AppEnv, observe, onError } from "./middleware.ts";

/** Sends a request to a handler that fails, and gives the status and the levels that were logged. */
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

Deno.test("what nobody foresaw is logged as an error", async () => {
  const { status, levels } = await fail(new TypeError("oops"));
  assert.equal(status, 500);
  assert.deepEqual(levels, ["error", "info"]);
});

Deno.test("what fails because the client has gone is no error of ours", async () => {
  const signal = AbortSignal.abort();
  const { levels } = await fail(new Error("aborted"), { signal });
  assert.deepEqual(levels, ["debug", "info"]);
});
