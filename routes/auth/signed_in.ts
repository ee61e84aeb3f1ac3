/**
 * Pages and forms for those who are signed in.
 *
 * @module
 */

import type { Context, Handler } from "@hono/hono";
import type { AppEnv } from "../middleware.ts";
import type { Browsers, SignedInBrowser } from "./browser.ts";
import { readForm } from "./form.ts";

type Answer = Response | Promise<Response>;

/** Serves a page to those who are signed in; others come back to it after the sign-in page. */
export function signedIn(
  browsers: Browsers,
  serve: (c: Context<AppEnv>, browser: SignedInBrowser) => Answer,
): Handler<AppEnv> {
  return async (c) => {
    c.header("cache-control", "no-store");
    const browser = await browsers.current(c);
    return browser ? await serve(c, browser) : toSignIn(c);
  };
}

/** Serves a form of one of our own pages; see {@linkcode Browsers.requireChange} for what it throws. */
export function changing(
  browsers: Browsers,
  serve: (
    c: Context<AppEnv>,
    browser: SignedInBrowser,
    form: URLSearchParams,
  ) => Answer,
): Handler<AppEnv> {
  return async (c) => {
    c.header("cache-control", "no-store");
    const form = await readForm(c);
    const browser = await browsers.requireChange(c, form.get("csrf"));
    return await serve(c, browser, form);
  };
}

/** Sends a visitor to the sign-in page, and back afterwards. */
function toSignIn(c: Context<AppEnv>): Response {
  const query = new URLSearchParams({ return_to: c.req.path });
  return c.redirect(`/auth/login?${query}`, 303);
}
