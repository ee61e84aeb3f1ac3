/**
 * Signed-in browsers: their cookies, and CSRF protection.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { deleteCookie, getCookie, setCookie } from "@hono/hono/cookie";
import { isValidHandle } from "@atproto/syntax";
import type { IdentityResolver } from "../../lib/atproto/identity/identity.ts";
import { equalText, randomSecret } from "../../lib/auth/secrets.ts";
import {
  ABSOLUTE_MS,
  type BrowserInfo,
  type WebSession,
  type WebSessions,
} from "../../lib/auth/web_sessions.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { AppEnv } from "../middleware.ts";
import type { ClientAddress } from "../server/client_address.ts";
import type { Visitor } from "../pages/document.tsx";
import type { PictureOf } from "../pages/pictures.ts";
import { frameOf } from "../pages/frame/frame.ts";
import { forged, requireOwnPage } from "./own_page.ts";

export interface BrowsersDeps {
  webSessions: WebSessions;
  identities: IdentityResolver;
  /** CSRF token for the forms of the session with this cookie. */
  csrfToken: (cookie: string) => string;
  addressOf: ClientAddress;
  pictureOf: PictureOf;
  /** Origin of the pages; cookies are `Secure` if it is https. */
  origin: string;
}

/** A signed-in browser. */
export interface SignedInBrowser {
  readonly session: WebSession;
  readonly csrf: string;
}

/** Maximum handles offered on the sign-in page. */
const MAX_RECENT = 5;
const RECENT_SECONDS = 180 * 86_400;

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Time limit of a sign-in, the same as at the PDS. */
const SIGN_IN_SECONDS = 3_600;

/** Reads and writes the cookies. */
export class Browsers {
  readonly #deps: BrowsersDeps;
  readonly #secure: boolean;
  readonly #sessionCookie: string;
  readonly #signInCookie: string;
  readonly #recentCookie: string;

  constructor(deps: BrowsersDeps) {
    this.#deps = deps;
    this.#secure = deps.origin.startsWith("https:");
    // The prefix prevents other hosts of the domain from setting the cookie.
    const prefix = this.#secure ? "__Host-" : "";
    this.#sessionCookie = `${prefix}atcr_session`;
    this.#signInCookie = `${prefix}atcr_sign_in`;
    this.#recentCookie = `${prefix}atcr_recent`;
  }

  /** The browser's session, if it is signed in. */
  async current(c: Context): Promise<SignedInBrowser | undefined> {
    const cookie = this.sessionCookie(c);
    const session = cookie === undefined
      ? undefined
      : await this.#deps.webSessions.find(cookie);
    return session && cookie !== undefined
      ? { session, csrf: this.#deps.csrfToken(cookie) }
      : undefined;
  }

  /** The visitor of a page, for its frame. */
  async visitor(
    c: Context<AppEnv>,
    browser: SignedInBrowser | undefined,
  ): Promise<Visitor> {
    const frame = frameOf(c);
    if (!browser) return { account: undefined, frame };
    const { session, csrf } = browser;
    const name = await this.#nameOf(session);
    const { did } = session;
    const picture = this.#deps.pictureOf?.(name);
    return { account: { did, name, picture, csrf }, frame };
  }

  /** Address and agent of a request. */
  info(c: Context): BrowserInfo {
    return {
      address: this.#deps.addressOf(c),
      agent: c.req.header("user-agent") ?? "",
    };
  }

  sessionCookie(c: Context): string | undefined {
    return getCookie(c, this.#sessionCookie);
  }

  setSession(c: Context, cookie: string): void {
    this.#set(c, this.#sessionCookie, cookie, ABSOLUTE_MS / 1000);
    this.#clear(c, this.#signInCookie);
  }

  clearSession(c: Context): void {
    this.#clear(c, this.#sessionCookie);
  }

  /** A secret that the browser must send with the callback; shared by all its windows. */
  beginSignIn(c: Context): string {
    const secret = this.signInSecret(c) ?? randomSecret();
    this.#set(c, this.#signInCookie, secret, SIGN_IN_SECONDS);
    return secret;
  }

  /** The secret of {@linkcode beginSignIn}. */
  signInSecret(c: Context): string | undefined {
    const secret = getCookie(c, this.#signInCookie);
    return secret !== undefined && SECRET.test(secret) ? secret : undefined;
  }

  /** Handles that have signed in here before, most recent first. */
  recent(c: Context): string[] {
    const text = getCookie(c, this.#recentCookie) ?? "";
    return text.slice(0, 2000).split(" ")
      .filter((handle) => isValidHandle(handle)).slice(0, MAX_RECENT);
  }

  /** Moves the handle of the session to the front of the list. */
  async remember(c: Context, cookie: string): Promise<void> {
    const session = await this.#deps.webSessions.find(cookie);
    const name = session && await this.#nameOf(session);
    if (name === undefined || !isValidHandle(name)) return;
    const others = this.recent(c).filter((handle) => handle !== name);
    const list = [name, ...others].slice(0, MAX_RECENT).join(" ");
    this.#set(c, this.#recentCookie, list, RECENT_SECONDS);
  }

  /**
   * Requires that a request comes from one of our own pages. Throws AppError
   * `DENIED` when another site has sent it.
   */
  requireOwnPage(c: Context): void {
    requireOwnPage(c, this.#deps.origin);
  }

  /**
   * The browser's session, for a change requested with `csrf`. Throws AppError
   * `UNAUTHORIZED` when it is not signed in, and `DENIED` when the request was
   * not made on one of our own pages.
   */
  async requireChange(
    c: Context,
    csrf: string | null | undefined,
  ): Promise<SignedInBrowser> {
    this.requireOwnPage(c);
    const browser = await this.current(c);
    if (!browser) {
      throw new AppError(
        "UNAUTHORIZED",
        "You are not signed in any more. Sign in and try again.",
      );
    }
    if (!equalText(csrf ?? "", browser.csrf)) throw forged();
    return browser;
  }

  async #nameOf({ did }: WebSession): Promise<string> {
    try {
      return (await this.#deps.identities.resolve(did)).handle ?? did;
    } catch (error) {
      if (isAppError(error)) return did;
      throw error;
    }
  }

  #set(c: Context, name: string, value: string, maxAge: number): void {
    setCookie(c, name, value, {
      path: "/",
      httpOnly: true,
      sameSite: "Lax",
      secure: this.#secure,
      maxAge,
    });
  }

  #clear(c: Context, name: string): void {
    deleteCookie(c, name, { path: "/", secure: this.#secure });
  }
}
