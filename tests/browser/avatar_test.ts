/** The page of the avatar service in a real browser. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { Did } from "../../lib/did.ts";
import { type AvatarApp, startAvatarApp } from "../support/avatar_app.ts";
import { FakeNetwork } from "../support/avatar_network.ts";
import { findChromium, startChromium } from "../support/chromium.ts";
import { fixture } from "../support/images.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BOB: Did = "did:plc:z72i7hdynmk6r22z27h6tvur";
const PHONE = { width: 390, height: 844 };
const chromium = await findChromium();

/** Runs `body` on the page of a service over alice, who has a picture, and bob, who has none. */
async function onPage(
  body: (page: Page, app: AvatarApp) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const network = new FakeNetwork();
  network.addAccount(ALICE, "alice.test");
  network.addAccount(BOB, "bob.test");
  network.setPicture(ALICE, fixture("jpeg/photo-256.jpg"));
  await using app = await startAvatarApp(network, env);
  await using browser = await startChromium(chromium ?? "");
  const page = await browser.page();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(app.origin);
  await body(page, app);
  assert.deepEqual(complaints, []);
}

/** Width and height of the picture that is shown, in its own pixels. */
async function shown(page: Page): Promise<number[]> {
  await page.getByRole("img").waitFor();
  return await page.evaluate(`(async () => {
    const img = document.querySelector("main img");
    await img.decode();
    return [img.naturalWidth, img.naturalHeight];
  })()`);
}

function browserTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: chromium === undefined,
    sanitizeResources: false,
    sanitizeOps: false,
    fn,
  });
}

browserTest(
  "the form shows the requested picture, by keyboard alone",
  () =>
    onPage(async (page, app) => {
      await page.getByLabel("Handle or DID").fill("@alice.test");
      await page.keyboard.press("Tab");
      await page.keyboard.type("120");
      await page.keyboard.press("Tab");
      await page.keyboard.type("60");
      await page.keyboard.press("Tab");
      await page.keyboard.type("png");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assert.deepEqual(await shown(page), [120, 60]);
      assert.equal(await page.getByLabel("Width").inputValue(), "120");
      const link = page.getByRole("link", { name: "alice.test" });
      const path = await link.getAttribute("href") ?? "";
      assert.match(path, /^\/alice\.test\?w=120&h=60&f=png/);
      const answer = await app.get(path);
      assert.match(answer.headers.get("location") ?? "", /w120-h60\.png$/);
      await answer.body?.cancel();
    }),
);

browserTest(
  "an account without a picture gets a placeholder, and errors are shown as sentences",
  () =>
    onPage(async (page) => {
      const show = async (identifier: string) => {
        await page.getByLabel("Handle or DID").fill(identifier);
        await page.getByRole("button", { name: "Show" }).click();
        await page.waitForURL(({ searchParams }) =>
          searchParams.get("identifier") === identifier
        );
      };
      await show("bob.test");
      assert.deepEqual(await shown(page), [200, 200]);
      await show("<b>nobody</b>");
      const alert = page.getByRole("alert");
      assert.match(
        await alert.innerText(),
        /<b>nobody<\/b> is neither a handle/,
      );
      assert.equal(await page.getByRole("img").count(), 0);
      await page.getByLabel("Width").fill("64");
      await page.getByLabel("Height").fill("64");
      await show("alice.test");
      assert.match(await alert.innerText(), /one of 100, 200/);
      assert.equal(await page.getByRole("img").count(), 0);
    }, { ATCR_AVATAR_ALLOWED_SIZES: "100,200" }),
);

browserTest(
  "the page fits a phone, in light and in dark, and focus is visible",
  () =>
    onPage(async (page, app) => {
      await page.setViewportSize(PHONE);
      await page.goto(`${app.origin}/?identifier=alice.test`);
      const backgrounds: string[] = [];
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const field = page.getByLabel("Handle or DID");
        await field.focus();
        const seen = await page.evaluate(`(() => {
        const style = getComputedStyle(document.activeElement);
        return {
          width: document.documentElement.scrollWidth,
          outline: style.outlineStyle + " " + style.outlineWidth,
          background: getComputedStyle(document.body).backgroundColor,
        };
      })()`) as { width: number; outline: string; background: string };
        assert.ok(seen.width <= PHONE.width, `${seen.width}`);
        assert.match(seen.outline, /^solid [23]/);
        backgrounds.push(seen.background);
      }
      assert.notEqual(backgrounds[0], backgrounds[1]);
    }),
);
