/**
 * Pages of a server as a signed-in browser sees them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TestBrowser } from "./auth_app.ts";
import type { TestAccount, TestServer } from "./server.ts";

/** A browser that is signed in. */
export async function signedIn(
  { origin }: Pick<TestServer, "origin">,
  account: TestAccount,
): Promise<TestBrowser> {
  const browser = new TestBrowser(
    origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
  const password = `${account.handle.split(".")[0]}-password`;
  await browser.signIn({ ...account, password });
  return browser;
}

/** The token in the forms of a page. */
export async function csrfIn(
  browser: TestBrowser,
  path: string,
): Promise<string> {
  const page = await (await browser.get(path)).text();
  const [, csrf] = /name="csrf" value="([^"]+)"/.exec(page) ?? [];
  assert.ok(csrf, page);
  return csrf;
}
