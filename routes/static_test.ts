import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { isAppError } from "../lib/errors.ts";
import type { AppEnv } from "./middleware.ts";
import { readStyleSheet } from "../lib/install/style_sheet.ts";
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

Deno.test("the style sheet has all files, the layers in order first, and may be kept for ever", async () => {
  const root = new URL("../", import.meta.url);
  const style = readStyleSheet(root);
  assert.ok(style);
  const app = new Hono<AppEnv>()
    .route("/", staticRoutes(new URL("static/", root), style));
  const response = await app.request(style.path);
  assert.equal(response.headers.get("content-type"), "text/css; charset=utf-8");
  assert.match(response.headers.get("cache-control") ?? "", /immutable/);
  const text = await response.text();
  assert.match(text, /^@layer tokens, base, components, pages;/);
  for await (const { name } of Deno.readDir(new URL("static/style/", root))) {
    const file = await Deno.readTextFile(
      new URL(`static/style/${name}`, root),
    );
    const [layer = ""] = file.match(/@layer \w+ \{/) ?? [];
    assert.notEqual(layer, "", `${name} says in which layer it is`);
    assert.ok(text.includes(layer));
  }
  const outside = new URL("file:///nowhere/");
  assert.equal(readStyleSheet(outside), undefined);
});
