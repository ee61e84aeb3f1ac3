import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { isAppError } from "../lib/errors.ts";
import type { AppEnv } from "./middleware.ts";
import { staticRoutes } from "./static.ts";

const app = new Hono<AppEnv>()
  .route("/", staticRoutes(new URL("../static/", import.meta.url)))
  .onError((error, c) =>
    c.text("", isAppError(error, "NOT_FOUND") ? 404 : 500)
  );

Deno.test("invalid names are not found", async () => {
  const names = [
    `${"a".repeat(300)}.css`,
    `build/${"a".repeat(300)}.js`,
    `${"a".repeat(250)}.css`,
    "none.css",
    "..%2f..%2fmain.css",
    "%00.css",
    "a%0d%0ab.css",
    ".css",
    "build/.css",
    "build",
    "build/",
    "",
  ];
  for (const name of names) {
    assert.equal((await app.request(`/static/${name}`)).status, 404, name);
  }
});
