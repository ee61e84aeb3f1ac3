import assert from "node:assert/strict";
import { observe } from "../../middleware.ts";
import { createTestApp } from "../../testing_app.ts";
import { Metrics } from "../../../lib/metrics.ts";
import { silentLogger } from "../../../lib/testing_log.ts";
import { renderPage } from "../document.tsx";
import { frameOf } from "./frame.ts";
import { preferenceRoutes } from "./preferences.ts";

const ORIGIN = "http://registry.test";
const MODULES = {
  boot: "boot-0123ABCD.js",
  islands: { theme_switch: "theme_switch-0123ABCD.js" },
  imports: { "boot-0123ABCD.js": ["chunk-0123ABCD.js"] },
};

function start() {
  const app = createTestApp();
  const metrics = new Metrics();
  const imageOrigins = ["https://pics.test"];
  app.use(observe({
    log: silentLogger,
    metrics,
    site: { modules: MODULES },
    imageOrigins,
  }));
  app.route("/", preferenceRoutes(ORIGIN));
  app.get("/page", (c) =>
    c.html(renderPage({
      title: "<Title> & more",
      frame: frameOf(c),
      children: "Content",
    })));
  return {
    get: async (cookie = "") =>
      await app.request("/page?a=1", { headers: { cookie } }),
    choose: async (
      form: Record<string, string>,
      headers: Record<string, string> = { origin: ORIGIN },
    ) =>
      await app.request("/preferences", {
        method: "POST",
        body: new URLSearchParams(form),
        headers,
      }),
  };
}

Deno.test("a theme that was chosen is in the next page, without a script", async () => {
  const site = start();
  const chosen = await site.choose({ theme: "dark", return_to: "/page?a=1" });
  assert.equal(chosen.status, 303);
  assert.equal(chosen.headers.get("location"), "/page?a=1");
  const cookie = chosen.headers.get("set-cookie") ?? "";
  assert.match(cookie, /^atcr_theme=dark; .*HttpOnly; SameSite=Lax/);
  const page = await (await site.get("atcr_theme=dark")).text();
  assert.match(page, /<html lang="en" data-theme="dark">/);
  assert.match(page, /value="\/page"/);
});

Deno.test("choices that do not exist, and pages of other sites, choose nothing", async () => {
  const site = start();
  const odd = await site.choose({
    theme: "pink",
    client: "curl",
    return_to: "//evil.test/",
  });
  assert.equal(odd.headers.get("set-cookie"), null);
  assert.equal(odd.headers.get("location"), "/");
  const other = { origin: "https://evil.test" };
  const forged = await site.choose({ theme: "dark" }, other);
  assert.equal(forged.status, 403);
  assert.equal(forged.headers.get("set-cookie"), null);
  const page = await (await site.get("atcr_theme=%3Cscript%3E")).text();
  assert.match(page, /data-theme="system"/);
});

Deno.test("a page names the modules of its islands, and no script stands in it", async () => {
  const page = await start().get();
  const html = await page.text();
  assert.match(html, /<title>&lt;Title> &amp; more · ATCR<\/title>/);
  const script = `<script type="module" src="/static/build/${MODULES.boot}">`;
  assert.ok(html.includes(`${script}</script>`), html);
  for (const file of ["chunk", "theme_switch"]) {
    assert.ok(html.includes(`"modulepreload" href="/static/build/${file}-`));
  }
  assert.doesNotMatch(html, /<script>|\sstyle=|\son\w+=/);
  const policy = page.headers.get("content-security-policy") ?? "";
  assert.match(policy, /img-src 'self' https:\/\/pics\.test;/);
  assert.match(policy, /require-trusted-types-for 'script'/);
});

Deno.test("where no modules were built a page has no script at all", async () => {
  const app = createTestApp();
  app.get(
    "/page",
    (c) => c.html(renderPage({ title: "A", frame: frameOf(c), children: "B" })),
  );
  const html = await (await app.request("/page")).text();
  assert.doesNotMatch(html, /<script|modulepreload/);
  assert.match(html, /<form class="themes" method="post"/);
});
