/** Pages of repositories in a real browser: with and without scripts, wide and narrow, light and dark. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { violationsOn } from "../support/axe.ts";
import { findChromium, startChromium } from "../support/chromium.ts";
import { imageIndex, imageManifest, randomBlob } from "../support/oci.ts";
import { textBlob } from "../support/oci.ts";
import { expect, Repository } from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";

const chromium = await findChromium();

const BASE = "/r/alice.test/shop";
const LONG = `team/${"long-name-of-a-part/".repeat(8)}end`;

/** Pushes an index of two platforms with many layers, its aliases, and a long name. */
async function push(server: TestServer): Promise<void> {
  const repository = new Repository(server, server.alice, "alice.test/shop");
  const entries = [];
  for (const architecture of ["amd64", "arm64"]) {
    const layers = Array.from({ length: 50 }, (_, i) => randomBlob(200 + i));
    const history = layers.map((_, i) => ({
      created_by: `RUN /bin/sh -c step ${i} ${"and more ".repeat(i)}# buildkit`,
    }));
    const config = textBlob(
      JSON.stringify({ os: "linux", architecture, history }),
    );
    for (const blob of [...layers, config]) await repository.pushBlob(blob);
    const image = imageManifest(config, layers);
    expect(await repository.putManifest(image), 201);
    const platform = { os: "linux", architecture };
    entries.push({ ...image.descriptor, platform });
  }
  const index = imageIndex(entries);
  for (const tag of ["1.0", "1", "latest"]) {
    expect(await repository.putManifest(index, tag), 201);
  }
  for (const tag of ["0.9", "0.10"]) await repository.pushImage(tag);
  const long = new Repository(server, server.alice, `alice.test/${LONG}`);
  await long.pushImage(`v${"1.".repeat(60)}0`);
}

/** Runs `body` with a page on the server; the page's console must stay silent. */
async function onPage(
  body: (page: Page, server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startServer();
  await push(server);
  await using browser = await startChromium(chromium ?? "");
  const page = await browser.page();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await body(page, server);
  assert.deepEqual(complaints, []);
}

/** Opens a page and waits until its islands are live. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.waitForFunction(
    "document.querySelectorAll('f-island:not([data-hydrated])').length === 0",
  );
}

Deno.test({
  name:
    "no page breaks a rule of accessibility or sticks out, in either theme and width",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      const paths = [
        "/",
        BASE,
        `${BASE}/-/tags`,
        `${BASE}:latest`,
        `/r/alice.test/${LONG}`,
        `/r/alice.test/${LONG}/-/tags`,
        "/install",
      ];
      for (const colorScheme of ["light", "dark"] as const) {
        for (const width of [1280, 360]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          for (const path of paths) {
            const where = `${path} ${colorScheme} ${width}`;
            await open(page, `${origin}${path}`);
            const wide = await page.evaluate(
              "document.documentElement.scrollWidth",
            );
            assert.equal(wide, width, where);
            assert.deepEqual(await violationsOn(page), [], where);
          }
        }
      }
    }),
});

Deno.test({
  name: "the command is copied as it stands, and client and theme stay chosen",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin, host }) => {
      await page.context().grantPermissions(
        ["clipboard-read", "clipboard-write"],
        { origin },
      );
      await open(page, `${origin}${BASE}:1.0`);
      const copy = page.getByRole("button", { name: "Copy the pull command" });
      const copied = () => page.evaluate("navigator.clipboard.readText()");
      await copy.click();
      await page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
      assert.match(
        String(await copied()),
        new RegExp(
          `^docker pull [^/]+:${host.split(":")[1]}/alice.test/shop:1.0$`,
        ),
      );
      const kept = page.waitForResponse(`${origin}/preferences`);
      await page.getByRole("button", { name: "podman" }).click();
      await copy.click();
      assert.match(String(await copied()), /^podman pull /);
      await kept;
      const theme = page.waitForResponse(`${origin}/preferences`);
      await page.getByRole("button", { name: "Dark" }).click();
      await theme;
      const isDark = `document.documentElement.dataset.theme`;
      assert.equal(await page.evaluate(isDark), "dark");
      await open(page, `${origin}${BASE}`);
      assert.equal(await page.evaluate(isDark), "dark");
      assert.match(
        await page.locator(".pull code").innerText(),
        /^podman pull/,
      );
    }),
});

Deno.test({
  name: "tags are narrowed while one types, and by the server on Enter",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      await open(page, `${origin}${BASE}/-/tags`);
      const rows = page.locator("tr[data-tag]:visible");
      assert.equal(await rows.count(), 5);
      await page.getByLabel("Filter tags").fill("0.");
      await page.getByText("2 of 5 tags on this page").waitFor();
      assert.equal(await rows.count(), 2);
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => url.searchParams.get("q") === "0.");
      assert.equal(await page.locator("tr[data-tag]").count(), 2);
      await page.getByLabel("Sort").selectOption("name");
      await page.getByRole("button", { name: "Show" }).click();
      await page.waitForURL((url) => url.searchParams.get("sort") === "name");
      const names = await page.locator("tr[data-tag] b").allInnerTexts();
      assert.deepEqual(names, ["0.9", "0.10"]);
    }),
});

Deno.test({
  name: "without scripts pages are complete, and choices are forms",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    await push(server);
    await using browser = await startChromium(chromium ?? "");
    const context = (await browser.page()).context().browser();
    const page = await (await context?.newContext({
      javaScriptEnabled: false,
    }))?.newPage();
    assert.ok(page);
    await page.goto(`${server.origin}${BASE}:latest?platform=linux/arm64`);
    assert.match(await page.locator("main").innerText(), /step 49/);
    await page.getByRole("button", { name: "crane" }).click();
    assert.match(await page.locator(".pull code").innerText(), /^crane pull/);
    await page.getByRole("button", { name: "Light" }).click();
    const html = page.locator("html");
    assert.equal(await html.getAttribute("data-theme"), "light");
    await page.goto(`${server.origin}${BASE}/-/tags?q=0.9`);
    assert.equal(await page.locator("tr[data-tag]").count(), 1);
  },
});
