/** The look that an operator gives: name, logo, colour and theme. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { type InProcess, startInProcess } from "../hold/in_process.ts";
import { call, textOf } from "../support/registry.ts";

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#0a6" d="M0 0h8v8H0z"/></svg>';

const LOOK = {
  ATCR_SERVER_CLIENT_NAME: "The registry of Example",
  ATCR_PAGES_SHORT_NAME: "Example & <Co> Registry",
  ATCR_PAGES_THEME: "dark",
};

const ACCENT = "#007c57";

let folder: string;
let program: InProcess;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "atcr-logo-" });
  await Deno.writeTextFile(join(folder, "logo.svg"), LOGO);
  program = await startInProcess(new MemoryBlobStore(), {
    ...LOOK,
    ATCR_PAGES_ACCENT: ACCENT,
    ATCR_PAGES_LOGO: join(folder, "logo.svg"),
  });
});
Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

function get(path: string, headers: Record<string, string> = {}) {
  return call(new URL(path, program.origin), "GET", { headers });
}

/** The first group of the match, which must be there. */
function found(text: string, pattern: RegExp): string {
  const [, group] = pattern.exec(text) ?? [];
  assert.ok(group !== undefined, `${pattern} in ${text}`);
  return group;
}

Deno.test("name, logo and theme are on pages, on error pages and on the page for devices", async () => {
  const pages = ["/", "/auth/login", "/nowhere/at/all", "/install", "/status"];
  for (const path of pages) {
    const html = textOf(await get(path, { accept: "text/html" }));
    assert.match(
      html,
      /<title>[^<]* · Example &amp; &lt;Co> Registry<\/title>/,
    );
    assert.match(html, /<html lang="en" data-theme="dark">/, path);
    const logo = found(html, /<img class="brand-logo" src="([^"]+)" alt/);
    assert.match(logo, /^\/static\/logo-[0-9A-F]{8}\.svg$/);
    assert.ok(html.includes(`<link rel="icon" href="${logo}"/>`), path);
    assert.match(html, /<span>Example &amp; &lt;Co> Registry<\/span>/);
    assert.doesNotMatch(html, /\sstyle=|<style/);
  }
  const chosen = textOf(await get("/", { cookie: "atcr_theme=light" }));
  assert.match(chosen, /data-theme="light"/);
});

Deno.test("the logo comes from this server with its type, an entity tag and the policy of pages", async () => {
  const html = textOf(await get("/"));
  const path = found(html, /<img class="brand-logo" src="([^"]+)"/);
  const logo = await get(path);
  assert.equal(logo.status, 200);
  assert.equal(textOf(logo), LOGO);
  assert.equal(logo.headers.get("content-type"), "image/svg+xml");
  const policy = logo.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'; script-src 'self'/);
  const etag = logo.headers.get("etag") ?? "";
  const again = await get(path, { "if-none-match": etag });
  assert.equal(again.status, 304);
});

Deno.test("the accent is in the style sheet, after the program's own, and darker where more contrast is asked for", async () => {
  const html = textOf(await get("/"));
  const sheet = await get(found(html, /<link rel="stylesheet" href="([^"]+)"/));
  const css = textOf(sheet);
  assert.match(sheet.headers.get("etag") ?? "", /^"/);
  const rules = css.slice(css.lastIndexOf("@layer tokens {"));
  const used = [...rules.matchAll(/--accent: light-dark\((#\w+), (#\w+)\)/g)];
  assert.equal(used.length, 2);
  const [[, light, dark] = [], [, stark] = []] = used;
  assert.equal(light, ACCENT);
  assert.notEqual(dark, ACCENT);
  assert.notEqual(stark, ACCENT);
  assert.match(css.slice(0, -rules.length), /--accent: light-dark\(#c2410c/);
});

Deno.test("browsers add the search under the name, with the logo", async () => {
  const html = textOf(await get("/"));
  assert.match(html, /title="Example &amp; &lt;Co> Registry"/);
  const xml = textOf(await get("/opensearch.xml"));
  assert.match(xml, /<ShortName>Example &amp; &lt;Co(>|&gt;) R<\/ShortName>/);
  assert.match(xml, /<LongName>Example &amp; &lt;Co(>|&gt;) Registry</);
  assert.match(found(xml, /<Image [^>]*>([^<]+)</), /\/static\/logo-.*\.svg$/);
});

Deno.test("links say the name, and their pictures are drawn with the logo", async () => {
  const html = textOf(await get("/"));
  assert.match(
    html,
    /property="og:site_name" content="Example &amp; &lt;Co> Registry"/,
  );
  const branded = await get("/og/home.png");
  assert.equal(branded.status, 200);
  assert.equal(branded.headers.get("content-type"), "image/png");
  assert.match(branded.headers.get("etag") ?? "", /^"/);
});
