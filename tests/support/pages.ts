/**
 * Pages of a server as a signed-in browser sees them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TestBrowser } from "./auth_app.ts";
import type { TestAccount, TestServer } from "./server.ts";
import { call, expect, textOf } from "./registry.ts";

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

/** The HTML of a page without a session. */
export async function pageAt(
  { origin }: Pick<TestServer, "origin">,
  path: string,
  status = 200,
): Promise<string> {
  const answer = await call(new URL(path, origin), "GET");
  return textOf(expect(answer, status));
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
