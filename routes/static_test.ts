import assert from "node:assert/strict";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
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
    .route("/", staticRoutes(new URL("static/", root), [style]));
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

Deno.test("a file is sent in the smallest coding that the client takes, each with an entity tag of its own", async () => {
  const root = new URL("../", import.meta.url);
  const style = readStyleSheet(root);
  assert.ok(style);
  const app = new Hono<AppEnv>()
    .route("/", staticRoutes(new URL("static/", root), [style]));
  const ask = async (accepted: string, more: Record<string, string> = {}) => {
    const answer = await app.request(style.path, {
      headers: { "accept-encoding": accepted, ...more },
    });
    const { status, headers } = answer;
    assert.equal(headers.get("vary"), "Accept-Encoding");
    return {
      status,
      coding: headers.get("content-encoding"),
      etag: headers.get("etag") ?? "",
      bytes: new Uint8Array(await answer.arrayBuffer()),
    };
  };
  const forms = [
    await ask("identity"),
    await ask("gzip, deflate"),
    await ask("gzip, deflate, br, zstd"),
  ];
  assert.deepEqual(forms.map(({ coding }) => coding), [null, "gzip", "br"]);
  const [plain, gzip, br] = forms.map(({ bytes }) => bytes);
  assert.ok(plain && gzip && br);
  assert.ok(br.byteLength < gzip.byteLength);
  assert.ok(gzip.byteLength < plain.byteLength / 3);
  assert.deepEqual(new Uint8Array(gunzipSync(gzip)), plain);
  assert.deepEqual(new Uint8Array(brotliDecompressSync(br)), plain);
  assert.equal((await ask("gzip;q=0, br;q=0.1")).coding, "br");
  const tags = forms.map(({ etag }) => etag);
  assert.equal(new Set(tags).size, 3);
  assert.ok(tags.every((tag) => /^"[^"]+"$/.test(tag)));
  const accepted = ["identity", "gzip", "br, gzip"];
  for (const [i, one] of accepted.entries()) {
    for (const [j, etag] of tags.entries()) {
      const { status } = await ask(one, { "if-none-match": etag });
      assert.equal(status, i === j ? 304 : 200, `${one} ${etag}`);
    }
  }
  const partial = await ask("gzip", { range: "bytes=0-9" });
  assert.equal(partial.status, 200);
});

Deno.test("a file too short to gain from a coding is sent as it is", async () => {
  const answer = await app.request("/static/icon.svg", {
    headers: { "accept-encoding": "br, gzip" },
  });
  assert.equal(answer.headers.get("content-encoding"), null);
  assert.match(await answer.text(), /<svg/);
});
