/**
 * A headless Chromium.
 *
 * @module
 */

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { findProgram } from "../tools/paths.ts";

/** Path of Chromium: `CHROMIUM`, or on the PATH; undefined without one. */
export async function findChromium(): Promise<string | undefined> {
  return Deno.env.get("CHROMIUM") ?? await findProgram("chromium") ??
    await findProgram("chromium-browser");
}

/** A browser, closed at disposal. */
export interface TestChromium extends AsyncDisposable {
  /** A window with separate cookies. */
  page(): Promise<Page>;
  /** Windows with cookies of their own. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
}

/** Starts Chromium. `hosts` maps `name:port` to the actual address. */
export async function startChromium(
  executablePath: string,
  hosts: Readonly<Record<string, string>> = {},
): Promise<TestChromium> {
  const rules = Object.entries(hosts)
    .map(([from, to]) => `MAP ${from} ${to}`).join(", ");
  const browser: Browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...(rules === "" ? [] : [`--host-resolver-rules=${rules}`]),
    ],
  });
  const context = async (options: BrowserContextOptions = {}) => {
    const made = await browser.newContext({
      ignoreHTTPSErrors: true,
      ...options,
    });
    made.setDefaultTimeout(30_000);
    return made;
  };
  return {
    context,
    page: async () => await (await context()).newPage(),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** Enters the password at the PDS and allows the request. */
export async function consentInPage(
  page: Page,
  password: string,
): Promise<void> {
  await page.locator('input[type="password"]').fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Authorize" }).click();
}
