import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { Hono } from "@hono/hono";
import { compressAnswers } from "./compress_answers.ts";
import { sendKept } from "./conditional.ts";
import { type AppEnv, surface } from "./middleware.ts";

const PAGE = "<p>one paragraph of many</p>\n".repeat(200);
const GZIP = { "accept-encoding": "gzip, deflate, br" };

const app = new Hono<AppEnv>()
  .use(compressAnswers())
  .use("/v2/*", surface("oci"))
  .use("/xrpc/*", surface("xrpc"))
  .get("/page", (c) => {
    c.header("x-own", "kept");
    return c.html(PAGE, 404);
  })
  .get("/short", (c) => c.html("<p>short</p>"))
  .get(
    "/kept",
    (c) =>
      sendKept(c, { body: PAGE, type: "application/json", publicSeconds: 1 }),
  )
  .get("/picture", (c) => c.body(PAGE, 200, { "content-type": "image/png" }))
  .get(
    "/events",
    (c) => c.body(PAGE, 200, { "content-type": "text/event-stream" }),
  )
  .get(
    "/strong",
    (c) =>
      c.body(PAGE, 200, { "content-type": "application/json", etag: '"a"' }),
  )
  .get("/v2/a", (c) => c.json({ PAGE }))
  .get("/xrpc/a", (c) => c.json({ PAGE }));

const codingOf = async (path: string, headers: Record<string, string>) =>
  (await app.request(path, { headers })).headers.get("content-encoding");

Deno.test("pages and JSON are sent by gzip to clients that take it, with all else as it was", async () => {
  const response = await app.request("/page", { headers: GZIP });
  assert.equal(response.status, 404);
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("vary"), "Accept-Encoding");
  assert.equal(response.headers.get("x-own"), "kept");
  const sent = new Uint8Array(await response.arrayBuffer());
  assert.ok(sent.byteLength < PAGE.length / 10, String(sent.byteLength));
  assert.equal(new TextDecoder().decode(gunzipSync(sent)), PAGE);
  for (
    const accepted of ["", "identity", "gzip;q=0", "br", "*", "*;q=0, br"]
  ) {
    const plain = await app.request("/page", {
      headers: { "accept-encoding": accepted },
    });
    assert.equal(plain.headers.get("content-encoding"), null, accepted);
    assert.equal(plain.headers.get("vary"), "Accept-Encoding");
    assert.equal(await plain.text(), PAGE);
  }
  assert.equal(await codingOf("/page", { "accept-encoding": "GZIP" }), "gzip");
  assert.equal(
    await (await app.request("/short", { headers: GZIP })).text(),
    "<p>short</p>",
  );
});

Deno.test("pictures, streams, strong entity tags, and answers to registries and holds are sent as they are", async () => {
  for (
    const path of ["/picture", "/events", "/strong", "/v2/a", "/xrpc/a"]
  ) {
    assert.equal(await codingOf(path, GZIP), null, path);
  }
});

Deno.test("a compressed answer is known again by its entity tag", async () => {
  const first = await app.request("/kept", { headers: GZIP });
  assert.equal(first.headers.get("content-encoding"), "gzip");
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^W\/"/);
  const again = await app.request("/kept", {
    headers: { ...GZIP, "if-none-match": etag },
  });
  assert.equal(again.status, 304);
  assert.equal(again.headers.get("vary"), first.headers.get("vary"));
});

Deno.test("what is asked for with a cookie or credential is compressed only where no other site can have asked", async () => {
  const own = { "sec-fetch-site": "same-origin", "sec-fetch-dest": "document" };
  for (const personal of [{ cookie: "a=b" }, { authorization: "Bearer a" }]) {
    const asked = (more: Record<string, string>) =>
      codingOf("/page", { ...GZIP, ...personal, ...more });
    assert.equal(await asked({}), null);
    for (const site of ["cross-site", "same-site"]) {
      assert.equal(await asked({ ...own, "sec-fetch-site": site }), null);
    }
    for (const dest of ["image", "iframe", "script", "style", "video"]) {
      assert.equal(await asked({ ...own, "sec-fetch-dest": dest }), null);
    }
    for (const site of ["same-origin", "none"]) {
      assert.equal(await asked({ ...own, "sec-fetch-site": site }), "gzip");
    }
    assert.equal(await asked({ ...own, "sec-fetch-dest": "empty" }), "gzip");
  }
});
