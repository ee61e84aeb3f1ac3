/**
 * Sign-in and sign-out in a browser, and the OAuth client documents of this
 * registry.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { OAuth } from "../../lib/auth/oauth/oauth.ts";
import {
  CALLBACK_PATH,
  JWKS_PATH,
  METADATA_PATH,
} from "../../lib/auth/oauth/client_metadata.ts";
import { returnPath } from "../../lib/auth/return_path.ts";
import type { SignIn } from "../../lib/auth/sign_in.ts";
import { AppError } from "../../lib/errors.ts";
import type { AppEnv } from "../middleware.ts";
import { type Frame, frameOf } from "../pages/frame/frame.ts";
import { signInFailedPage, signInPage } from "../pages/sign_in.tsx";
import { asAppError } from "../render_error.ts";
import type { Browsers } from "./browser.ts";
import { readForm } from "./form.ts";

export interface OAuthRoutesDeps {
  oauth: OAuth;
  signIn: SignIn;
  browsers: Browsers;
  /** Origins without https that the sign-in form may lead to: the sandbox's. */
  plainOrigins: readonly string[];
}

/** How long PDSes may cache the documents, in seconds, so that they see new keys soon. */
const DOCUMENT_SECONDS = 300;

/** Serves `/auth/login`, `/auth/oauth/…`, `/auth/logout` and the client's documents. */
export function oauthRoutes(deps: OAuthRoutesDeps): Hono<AppEnv> {
  const { oauth, signIn, browsers } = deps;
  const app = new Hono<AppEnv>();
  for (const path of [METADATA_PATH, "/client-metadata.json"]) {
    app.get(path, (c) => document(c, oauth.metadata()));
  }
  app.get(JWKS_PATH, async (c) => document(c, await oauth.jwks()));

  app.get("/auth/login", (c) => {
    const returnTo = returnPath(c.req.query("return_to"));
    return page(c, deps, {
      returnTo,
      identifier: c.req.query("identifier")?.slice(0, 2048) ?? "",
      problem: undefined,
    });
  });
  app.get("/auth/oauth/authorize", (c) => {
    const identifier = c.req.query("handle") ?? "";
    const query = new URLSearchParams({ identifier });
    return c.redirect(`/auth/login?${query}`, 303);
  });
  app.post("/auth/login", (c) => begin(c, deps));

  app.get(CALLBACK_PATH, (c) => finish(c, deps));

  app.post("/auth/logout", async (c) => {
    const form = await readForm(c);
    const cookie = browsers.sessionCookie(c);
    await browsers.requireChange(c, form.get("csrf"));
    if (cookie !== undefined) await signIn.signOut(cookie);
    browsers.clearSession(c);
    return c.redirect("/", 303);
  });
  return app;
}

/** Sends the browser to the PDS of the account, or shows what is wrong. */
async function begin(
  c: Context<AppEnv>,
  deps: OAuthRoutesDeps,
): Promise<Response> {
  const { signIn, browsers } = deps;
  browsers.requireOwnPage(c);
  const form = await readForm(c);
  const identifier = form.get("identifier")?.trim() ?? "";
  const returnTo = returnPath(form.get("return_to") ?? undefined);
  try {
    const url = await signIn.begin(identifier, {
      browser: browsers.beginSignIn(c),
      returnTo,
      address: browsers.info(c).address,
    });
    return c.redirect(url.href, 303);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    c.get("log").info("sign-in not begun", {
      code: error.code,
      error: error.cause,
    });
    const flooded = error.code === "TOOMANYREQUESTS";
    c.status(flooded ? 429 : 400);
    retryAfter(c, error);
    return page(c, deps, { identifier, returnTo, problem: error.message });
  }
}

/** Takes the browser back from the PDS. */
async function finish(
  c: Context<AppEnv>,
  { signIn, browsers }: OAuthRoutesDeps,
): Promise<Response> {
  noStore(c);
  const params = new URL(c.req.url).searchParams;
  try {
    const result = await signIn.finish(params, {
      browser: browsers.signInSecret(c),
      former: browsers.sessionCookie(c),
      info: browsers.info(c),
    });
    if (result.kind === "again") return c.redirect(result.url.href, 303);
    browsers.setSession(c, result.cookie);
    await browsers.remember(c, result.cookie);
    return c.redirect(result.to, 303);
  } catch (error) {
    const known = asAppError(error);
    const log = c.get("log");
    const fields = { code: known.code, error: known.cause };
    if (known.code === "INTERNAL") log.error("sign-in failed", fields);
    else log.info("sign-in refused", fields);
    c.status(known.spec.status as 400);
    retryAfter(c, known);
    const { message } = known;
    return c.html(
      signInFailedPage({
        message,
        requestId: c.get("requestId"),
        frame: unscripted(c),
      }),
    );
  }
}

/** The sign-in page; its content security policy allows form redirects only to PDSes. */
function page(
  c: Context<AppEnv>,
  deps: OAuthRoutesDeps,
  props: { identifier: string; returnTo: string; problem: string | undefined },
): Response | Promise<Response> {
  noStore(c);
  c.header("referrer-policy", "same-origin");
  const targets = ["'self'", "https:", ...deps.plainOrigins].join(" ");
  c.header(
    "content-security-policy",
    `default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action ${targets}; frame-ancestors 'none'`,
  );
  const recent = deps.browsers.recent(c);
  const frame = unscripted(c);
  return c.html(signInPage({ ...props, recent, frame }));
}

/** The frame of a page that needs no script, and on which none is allowed. */
function unscripted(c: Context<AppEnv>): Frame {
  return { ...frameOf(c), modules: undefined };
}

function document(c: Context<AppEnv>, value: object): Response {
  return c.json(value, 200, {
    "access-control-allow-origin": "*",
    "cache-control": `public, max-age=${DOCUMENT_SECONDS}`,
  });
}

function retryAfter(c: Context<AppEnv>, error: AppError): void {
  const { retryAfterSeconds } = error;
  if (retryAfterSeconds === undefined) return;
  c.header("retry-after", String(Math.ceil(retryAfterSeconds)));
}

function noStore(c: Context<AppEnv>): void {
  c.header("cache-control", "no-store");
}
