/** The pages of owners and operators in a real browser: accessible, within the page, and silent. */

import assert from "node:assert/strict";
import { violationsOn } from "../support/axe.ts";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { Repository } from "../support/registry.ts";
import { startServer } from "../support/server.ts";

const chromium = await findChromium();

const REPOSITORY = `team/${"long-name-of-a-part/".repeat(6)}end`;
const PATHS = [
  ...["/settings", "/settings/storage", "/settings/devices"],
  ...["/settings/sessions", "/settings/webhooks", "/settings/data"],
  ...["/h", "/docs", "/docs?q=webhook", "/docs/hold", "/docs/configuration"],
  ...["/status", "/terms", "/privacy", "/accessibility", "/h/none.invalid"],
  `/r/alice.test/${REPOSITORY}/-/settings`,
  `/r/alice.test/${REPOSITORY}`,
];

const TEXT = `# Title

<script>alert(1)</script>

| a | ${"wide ".repeat(60)} |
|---|---|
| 1 | \`code\` |

\`\`\`sh
docker run ${"--long-option ".repeat(30)}
\`\`\`

![logo](https://example.com/logo.png) [a](javascript:alert(1)) **bold**
`;

Deno.test({
  name:
    "no page of an owner or operator breaks a rule of accessibility or sticks out, in either theme and width",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    const repository = new Repository(
      server,
      server.alice,
      `alice.test/${REPOSITORY}`,
    );
    await repository.pushImage(`v${"1.".repeat(50)}0`);
    await using browser = await startChromium(chromium ?? "");
    const page = await browser.page();
    const complaints: string[] = [];
    page.on("console", (message) => {
      const isExpected = /status of 404/.test(message.text());
      if (message.type() === "error" && !isExpected) {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const { origin } = new URL(request.url());
      if (origin !== server.origin && page.url().startsWith(server.origin)) {
        complaints.push(`asked ${origin}`);
      }
    });
    await page.goto(`${server.origin}/auth/login?return_to=/settings`);
    await page.getByRole("textbox").first().fill("alice.test");
    await page.keyboard.press("Enter");
    await consentInPage(page, "alice-password");
    await page.waitForURL(`${server.origin}/settings`);
    complaints.length = 0;
    await page.goto(`${server.origin}/r/alice.test/${REPOSITORY}/-/settings`);
    await page.getByLabel("Markdown").fill(TEXT);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.locator(".preview strong").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 360]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        for (const path of PATHS) {
          const where = `${path} ${colorScheme} ${width}`;
          await page.goto(`${server.origin}${path}`);
          await page.waitForFunction(
            "document.querySelectorAll('f-island:not([data-hydrated])').length === 0",
          );
          const wide = await page.evaluate(
            "document.documentElement.scrollWidth",
          );
          if (wide !== width) complaints.push(`${where}: ${wide} wide`);
          for (const violation of await violationsOn(page)) {
            complaints.push(`${where}: ${violation}`);
          }
        }
      }
    }
    assert.deepEqual(complaints, []);
  },
});
