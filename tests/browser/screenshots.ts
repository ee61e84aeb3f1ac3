/**
 * Makes pictures of pages from the sandbox, in light and dark, wide and narrow:
 *
 *   deno task screenshots [FOLDER]          `screenshots` by default
 *   deno task screenshots --all [FOLDER]    every page, with little and with much on it
 *   deno task screenshots --readme          the two of the README, in `docs/pictures`
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { startServer } from "../support/server.ts";
import { LONG_NAME, pushContent, pushMuchContent } from "./content.ts";

/** Pages for anybody, by the name of the picture. */
const OPEN = {
  home: "/",
  search: "/search?q=shop",
  "search-nothing": "/search?q=shopp",
  activity: "/activity",
  top: "/top?by=pushes",
  profile: "/u/alice.test",
  repository: "/r/alice.test/shop",
  "repository-long": `/r/alice.test/${LONG_NAME}`,
  tags: "/r/alice.test/shop/-/tags",
  image: "/r/alice.test/shop:latest",
  "image-60-layers": `/r/alice.test/${LONG_NAME}:v1`,
  chart: "/r/alice.test/charts/gateway:0.9.0",
  error: "/nowhere",
} as const;

/** Pages of an account. */
const SIGNED_IN = {
  "home-signed-in": "/",
  "profile-own": "/u/alice.test",
  "stars-empty": "/u/alice.test/stars",
  settings: "/settings/devices",
} as const;

/** More pages for anybody, and the same with other content. */
const MORE_OPEN = {
  "home-bob": "/search?q=bob.test",
  "search-all": "/search?q=&sort=name",
  stars: "/r/alice.test/shop/-/stars",
  "profile-empty": "/u/bob.test/activity",
  "profile-right-to-left": "/u/bob.test",
  "repository-readme": "/r/alice.test/docs/handbook",
  "repository-right-to-left": "/r/alice.test/shop-worker",
  "tags-1000": "/r/alice.test/nightly/-/tags",
  "tags-filtered": "/r/alice.test/nightly/-/tags?q=2026-07",
  "tags-none": "/r/alice.test/nightly/-/tags?q=nothing",
  wasm: "/r/bob.test/plugins/resize:1.0",
  "image-config": "/r/alice.test/docs/handbook:1.0",
  holds: "/h",
  "hold-unknown": "/h/none.invalid",
  status: "/status",
  privacy: "/privacy",
  terms: "/terms",
  accessibility: "/accessibility",
  docs: "/docs",
  "docs-page": "/docs/hold",
  "docs-search": "/docs?q=webhook",
  install: "/install",
  api: "/api",
  "sign-in": "/auth/login",
  "error-repository": "/r/alice.test/never-pushed",
  "error-tag": "/r/alice.test/shop:none",
  "error-account": "/u/nobody.test",
} as const;

/** More pages of an account. */
const MORE_SIGNED_IN = {
  "settings-registry": "/settings",
  "settings-storage": "/settings/storage",
  "settings-sessions": "/settings/sessions",
  "settings-webhooks": "/settings/webhooks",
  "settings-data": "/settings/data",
  "repository-own": "/r/alice.test/shop",
  "repository-settings": "/r/alice.test/docs/handbook/-/settings",
  "repository-no-readme": `/r/alice.test/${LONG_NAME}`,
  "tags-own": "/r/alice.test/shop/-/tags",
  "delete-tags": "/r/alice.test/shop/-/delete?tag=2.4.0",
  device: "/device",
} as const;

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
    },
  });
  if (values.readme) await makeReadmePictures();
  else await makePictures(positionals[0] ?? "screenshots", values.all);
}

/** What the README shows: an image, in both themes. */
async function makeReadmePictures(): Promise<void> {
  const folder = new URL("../../docs/pictures", import.meta.url).pathname;
  await Deno.mkdir(folder, { recursive: true });
  await using server = await startServer();
  await pushContent(server);
  await using browser = await startChromium(await requireChromium());
  const page = await browser.page();
  await page.setViewportSize({ width: 1120, height: 620 });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${server.origin}${OPEN.image}`);
    const path = `${folder}/image-${colorScheme}.png`;
    await page.screenshot({ path, animations: "disabled" });
  }
}

async function requireChromium(): Promise<string> {
  const chromium = await findChromium();
  if (chromium !== undefined) return chromium;
  throw new Error("Chromium is needed; set CHROMIUM to its path.");
}

async function makePictures(folder: string, isAll: boolean): Promise<void> {
  const chromium = await requireChromium();
  await Deno.mkdir(folder, { recursive: true });
  await using server = await startServer({
    env: { ATCR_PAGES_FEATURED: "alice.test/shop,alice.test/charts/gateway" },
  });
  const { origin } = server;
  await pushContent(server);
  if (isAll) await pushMuchContent(server);
  await using browser = await startChromium(chromium);
  const page = await browser.page();
  const take = async (paths: Readonly<Record<string, string>>) => {
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${origin}${path}`);
      await picture(page, `${folder}/${name}`);
    }
  };
  await take({ ...OPEN, ...(isAll ? MORE_OPEN : {}) });
  await page.goto(`${origin}/auth/login`);
  await page.getByLabel("Handle, DID").fill("alice.test");
  await page.getByRole("button", { name: "Continue at your PDS" }).click();
  await consentInPage(page, "alice-password");
  await page.waitForURL((url) => url.origin === origin);
  await take({ ...SIGNED_IN, ...(isAll ? MORE_SIGNED_IN : {}) });
  if (isAll) await takeForms(page, origin, folder);
}

/** The page that is open, in all four variants. */
async function picture(page: Page, path: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.screenshot({
        path: `${path}-${colorScheme}-${width}.png`,
        fullPage: true,
        // Colours of another scheme come in a moment, and would be on the way.
        animations: "disabled",
      });
    }
  }
}

/** Pages after something was done on them. */
async function takeForms(
  page: Page,
  origin: string,
  folder: string,
): Promise<void> {
  await page.goto(`${origin}/r/alice.test/docs/handbook/-/settings`);
  await page.getByRole("button", { name: "Preview" }).click();
  await page.locator(".preview").waitFor();
  await picture(page, `${folder}/repository-settings-preview`);
  await page.goto(`${origin}/settings/webhooks`);
  await page.getByLabel("Address").fill("https://hooks.invalid/registry/push");
  await page.locator("form:has(#url) button[type=submit]").click();
  await page.getByText("The webhook is made").waitFor();
  await picture(page, `${folder}/webhook`);
  await page.getByRole("button", { name: /test/i }).first().click();
  await page.waitForURL(/done=sent/);
  await page.locator("details.folded summary").first().click();
  await picture(page, `${folder}/webhook-log`);
  await page.goto(`${origin}/settings/devices`);
  await page.getByRole("textbox", { name: "Name" }).fill("build machine 7");
  await page.getByRole("button", { name: "Make the token" }).click();
  await page.getByText("is ready").waitFor();
  await picture(page, `${folder}/token-made`);
  await page.goto(`${origin}/`);
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await page.getByRole("dialog").waitFor();
  await picture(page, `${folder}/shortcuts`);
}
