/** Start, search, activity, boards, accounts and stars in a real browser. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { violationsOn } from "../support/axe.ts";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { Repository } from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LONG_NAME, pushContent } from "./content.ts";

const chromium = await findChromium();

const SHOP = "/r/alice.test/shop";

/** Runs `body` with a page on a server with content; the page's console must stay silent. */
async function onPage(
  body: (page: Page, server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startServer({
    env: { ATCR_PAGES_FEATURED: "alice.test/shop,bob.test/nginx" },
  });
  await pushContent(server);
  await using browser = await startChromium(chromium ?? "");
  const page = await browser.page();
  const complaints: string[] = [];
  page.on("console", (message) => {
    // Pages of errors are looked at, too, and the PDS has pages of its own.
    const isAnswer = /status of 40[04]/.test(message.text());
    if (message.type() !== "error" || isAnswer) return;
    if (page.url().startsWith(server.origin)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await body(page, server);
  assert.deepEqual(complaints, []);
}

/** Opens a page and waits until its islands are live. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await live(page);
}

async function live(page: Page): Promise<void> {
  await page.waitForFunction(
    "document.querySelectorAll('f-island:not([data-hydrated])').length === 0",
  );
}

async function signIn(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/auth/login`);
  await page.getByLabel("Handle, DID").fill("alice.test");
  await page.getByRole("button", { name: "Continue at your PDS" }).click();
  await consentInPage(page, "alice-password");
  await page.waitForURL((url) => url.origin === origin);
}

/** Checks the page for rules of accessibility and for what sticks out. */
async function check(page: Page, width: number, where: string): Promise<void> {
  const wide = await page.evaluate("document.documentElement.scrollWidth");
  assert.equal(wide, width, where);
  assert.deepEqual(await violationsOn(page), [], where);
}

Deno.test({
  name:
    "no page for finding things breaks a rule of accessibility or sticks out",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      const paths = [
        "/",
        "/search?q=shop",
        "/search?q=nothing-like-it",
        "/search?q=alice.test&sort=name",
        "/search?kind=ship",
        "/activity",
        "/api",
        "/top",
        "/top?by=trending",
        "/u/alice.test",
        "/u/bob.test/stars",
        "/u/alice.test/activity",
        SHOP,
        `${SHOP}/-/stars`,
        `/r/alice.test/${LONG_NAME}`,
        "/r/bob.test/plugins/resize",
        "/nowhere",
      ];
      const own = ["/", "/u/alice.test", "/u/alice.test/stars", SHOP];
      for (const [all, isSignedIn] of [[paths, false], [own, true]] as const) {
        if (isSignedIn) await signIn(page, origin);
        for (const colorScheme of ["light", "dark"] as const) {
          for (const width of [1280, 360]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 800 });
            for (const path of all) {
              await open(page, `${origin}${path}`);
              await check(page, width, `${path} ${colorScheme} ${width}`);
            }
          }
        }
      }
    }),
});

Deno.test({
  name: "search is reached by a key, and suggestions are chosen by arrows",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      await open(page, `${origin}/activity`);
      await page.keyboard.press("/");
      const field = page.getByRole("combobox");
      assert.equal(await isFocused(page, "[data-search]"), true);
      await page.keyboard.type("ngin");
      const options = page.getByRole("option");
      await options.first().waitFor();
      await page.keyboard.press("Escape");
      await options.first().waitFor({ state: "hidden" });
      assert.equal(await field.inputValue(), "ngin");
      await page.keyboard.press("ArrowDown");
      await options.first().waitFor();
      await page.keyboard.press("ArrowDown");
      await page.locator("[role=option][aria-selected=true]").waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(`${origin}/r/bob.test/nginx`);
      await live(page);
      await page.keyboard.press("/");
      await page.keyboard.type("bob.test/nginx:1.29-alpine");
      await page.keyboard.press("Enter");
      await page.waitForURL(`${origin}/r/bob.test/nginx:1.29-alpine`);
    }),
});

Deno.test({
  name: "rows are walked through by keys, and keys can be switched off",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      await open(page, `${origin}/search?q=alice.test`);
      await page.keyboard.press("j");
      await page.keyboard.press("ArrowDown");
      assert.equal(
        await isFocused(page, "[data-row]:nth-child(1) a.name"),
        true,
      );
      await page.keyboard.press("k");
      await page.keyboard.press("?");
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await check(page, 1280, "shortcuts");
      const kept = page.waitForResponse(`${origin}/preferences`);
      await page.getByRole("button", { name: "Switch single keys off" })
        .click();
      await kept;
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      await open(page, `${origin}/activity`);
      await page.keyboard.press("/");
      await page.keyboard.press("?");
      assert.equal(await isFocused(page, "[data-search]"), false);
      assert.equal(await dialog.isVisible(), false);
    }),
});

Deno.test({
  name: "a star shows at once, in another window too, and stays",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, { origin }) => {
      await signIn(page, origin);
      await open(page, `${origin}${SHOP}`);
      const other = await page.context().newPage();
      await open(other, `${origin}${SHOP}/-/tags`);
      await page.getByRole("button", { name: "Star, 0 stars" }).click();
      const given = { name: "Take the star back, 1 stars" };
      await page.getByRole("button", given).waitFor();
      await other.getByRole("button", given).waitFor();
      await page.reload();
      await page.getByRole("button", given).waitFor();
      await live(page);
      await page.getByRole("button", given).click();
      await other.getByRole("button", { name: "Star, 0 stars" }).waitFor();
    }),
});

Deno.test({
  name: "a push appears on the page of activity while one looks at it",
  ignore: chromium === undefined,
  fn: () =>
    onPage(async (page, server) => {
      const listens = page.waitForResponse(`${server.origin}/activity/events`);
      await open(page, `${server.origin}/activity`);
      await listens;
      const repository = new Repository(
        ...[server, server.alice, "alice.test/live"] as const,
      );
      const shown = page.locator(".live a").first();
      // What was pushed before the first look is not new.
      for (let i = 0; i < 30 && !await shown.isVisible(); i++) {
        await repository.pushImage(`v${i}`);
        await shown.waitFor({ timeout: 5_000 }).catch(() => {});
      }
      assert.match(await shown.innerText(), /^alice\.test\/live:v\d+$/);
    }),
});

Deno.test({
  name: "without scripts search, filters, lists and stars work",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    await pushContent(server);
    const { origin } = server;
    await using browser = await startChromium(chromium ?? "");
    const context = await (await browser.page()).context().browser()
      ?.newContext({ javaScriptEnabled: false });
    const page = await context?.newPage();
    assert.ok(page);
    await page.goto(origin);
    await page.getByRole("combobox").fill("gateway");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/search\?q=gateway/);
    await page.getByLabel("Kind").selectOption("helm");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.waitForURL(/kind=helm/);
    assert.equal(await page.locator("[data-row]").count(), 1);
    await page.locator("[data-row] a.name").click();
    await page.waitForURL(`${origin}/r/alice.test/charts/gateway`);
    await page.getByRole("link", { name: /^Star, 0 stars/ }).click();
    await page.waitForURL(/\/auth\/login/);
  },
});

function isFocused(page: Page, selector: string): Promise<unknown> {
  const text = JSON.stringify(selector);
  return page.evaluate(`document.activeElement.matches(${text})`);
}
