/**
 * Makes pictures of pages from the sandbox, in light and dark, wide and narrow:
 *
 *   deno task screenshots [FOLDER]    `screenshots` by default
 *
 * @module
 */

import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { startServer } from "../support/server.ts";
import { LONG_NAME, pushContent } from "./content.ts";

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

if (import.meta.main) {
  await makePictures(Deno.args[0] ?? "screenshots");
}

async function makePictures(folder: string): Promise<void> {
  const chromium = await findChromium();
  if (chromium === undefined) {
    throw new Error("Chromium is needed; set CHROMIUM to its path.");
  }
  await Deno.mkdir(folder, { recursive: true });
  await using server = await startServer({
    env: { ATCR_PAGES_FEATURED: "alice.test/shop,alice.test/charts/gateway" },
  });
  const { origin } = server;
  await pushContent(server);
  await using browser = await startChromium(chromium);
  const page = await browser.page();
  const take = async (paths: Readonly<Record<string, string>>) => {
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${origin}${path}`);
      for (const colorScheme of ["light", "dark"] as const) {
        for (const width of [1280, 360]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          await page.screenshot({
            path: `${folder}/${name}-${colorScheme}-${width}.png`,
            fullPage: true,
          });
        }
      }
    }
  };
  await take(OPEN);
  await page.goto(`${origin}/auth/login`);
  await page.getByLabel("Handle, DID").fill("alice.test");
  await page.getByRole("button", { name: "Continue at your PDS" }).click();
  await consentInPage(page, "alice-password");
  await page.waitForURL((url) => url.origin === origin);
  await take(SIGNED_IN);
}
