/** Pages about the server: documentation, status, terms, privacy, accessibility. */

import assert from "node:assert/strict";
import { call, expect, textOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer({
  // These tests end while the server still looks at the network for the first time.
  expectedErrors: /a job's outcome cannot be stored/,
  env: {
    ATCR_SERVER_CLIENT_NAME: "Harbour <b>",
    ATCR_LEGAL_COMPANY_NAME: "Example Ltd <script>",
    ATCR_LEGAL_JURISDICTION: "Iceland",
    ATCR_LEGAL_CONTACT: "legal@example.com",
    ATCR_LEGAL_PRIVACY: "## Ours\n\nWe keep *nothing*.",
  },
});

async function page(path: string, status = 200): Promise<string> {
  const answer = await call(new URL(path, server().origin), "GET");
  return textOf(expect(answer, status));
}

Deno.test("terms and privacy name the operator, in the operator's words where there are any", async () => {
  const terms = await page("/terms");
  assert.match(terms, /is run by Example Ltd/);
  assert.doesNotMatch(terms, /<script>/);
  assert.match(terms, /law of Iceland/);
  assert.match(terms, /href="mailto:legal@example\.com"/);
  const privacy = await page("/privacy");
  assert.match(privacy, /We keep <em>nothing<\/em>/);
  assert.doesNotMatch(privacy, /Cookies/);
  const accessibility = await page("/accessibility");
  assert.match(accessibility, /WCAG 2\.2/);
  assert.match(accessibility, /<a href="\/settings">settings<\/a>/);
});

Deno.test("pages carry the name of the server, and lead to what is about it", async () => {
  const html = await page("/terms");
  assert.match(
    html,
    /<title>Terms · Harbour &lt;b&gt;<\/title>|<title>Terms · Harbour &lt;b><\/title>/,
  );
  for (const path of ["/docs", "/status", "/privacy", "/accessibility"]) {
    assert.ok(html.includes(`href="${path}"`), path);
    await page(path);
  }
});

Deno.test("the documentation is served, linked and searched", async () => {
  const list = await page("/docs");
  assert.match(list, /href="\/docs\/operating">Operating</);
  const hold = await page("/docs/hold");
  assert.match(hold, /<h1>Running a hold<\/h1>/);
  assert.match(hold, /<h2 id="[a-z-]+">/);
  assert.doesNotMatch(hold, /href="[a-z-]+\.md/);
  const found = await page("/docs?q=webhook+signature");
  assert.match(found, /href="\/docs\/webhooks#/);
  const setting = await page("/docs?q=ATCR_WEBHOOKS_ENABLED");
  assert.match(setting, /ATCR_WEBHOOKS_ENABLED/);
  assert.doesNotMatch(setting, /-{5}/);
  const none = await page("/docs?q=%3Cscript%3Exyzzy");
  assert.match(none, /Nothing in the documentation has/);
  assert.doesNotMatch(none, /<script>x/);
  await page("/docs/none", 404);
  await page("/docs/..%2F..%2Fdeno", 404);
});

Deno.test("the status says in words what works", async () => {
  const status = await page("/status");
  assert.match(status, /Everything works/);
  assert.match(status, /Storage of layers/);
});
