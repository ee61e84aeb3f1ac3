/**
 * Sign-in to and sign-out from the web pages: combines the tokens of the
 * account's PDS with the session of the browser.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { AppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import type { Logger } from "../log.ts";
import type { Devices } from "./devices/devices.ts";
import type { OAuth } from "./oauth/oauth.ts";
import { returnPath } from "./return_path.ts";
import type { BrowserInfo, WebSessions } from "./web_sessions.ts";

export interface SignInDeps {
  oauth: OAuth;
  webSessions: WebSessions;
  devices: Devices;
  identities: IdentityResolver;
  limits: RateLimiter;
  log: Logger;
  /** Called after every sign-in; not waited for. */
  onSignIn: (did: Did) => Promise<void>;
}

/** Result of a sign-in for the browser. */
export type SignedIn =
  | { readonly kind: "signed_in"; readonly cookie: string; readonly to: string }
  | { readonly kind: "again"; readonly url: URL };

/**
 * Sign-ins that one address may start, also one that clients share: each is
 * stored, and a proxy that is trusted names its clients.
 */
const STARTS: RateLimit = {
  name: "sign_in_start",
  limit: 30,
  windowSeconds: 600,
};

/** Signs users in and out. */
export class SignIn {
  readonly #deps: SignInDeps;
  readonly #background = new Set<Promise<void>>();

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the URL for a browser with the secret `browser` to sign in as
   * `identifier` and return to `returnTo`. Throws AppError with a sentence for
   * the user.
   */
  async begin(
    identifier: string,
    options: { browser: string; returnTo: string; address: string },
  ): Promise<URL> {
    const { browser, returnTo, address } = options;
    const decision = await this.#deps.limits.take(STARTS, address);
    if (!decision.allowed) {
      throw new AppError(
        "TOOMANYREQUESTS",
        `Too many sign-ins were begun from your address. Wait ${decision.retryAfterSeconds} seconds and try again.`,
        { retryAfterSeconds: decision.retryAfterSeconds },
      );
    }
    return await this.#deps.oauth.begin({
      identifier,
      browser,
      returnTo: returnPath(returnTo),
    });
  }

  /**
   * Handles the callback of the PDS and creates a session for the browser,
   * which replaces `former`. Throws AppError with a sentence for the user.
   */
  async finish(
    params: URLSearchParams,
    options: {
      browser: string | undefined;
      former: string | undefined;
      info: BrowserInfo;
    },
  ): Promise<SignedIn> {
    const { oauth, webSessions } = this.#deps;
    const result = await oauth.finish(params, options.browser);
    if (result.kind === "again") return result;
    const { did } = result;
    if (result.kind === "other_account") {
      await this.release(did);
      const [wanted, came] = await Promise.all(
        [result.expected, did].map((account) => this.#nameOf(account)),
      );
      throw new AppError(
        "DENIED",
        `You wanted to sign in as ${wanted}, but your PDS signed you in as ${came}. Start again with the account that you want, and choose it at your PDS.`,
      );
    }
    const cookie = await webSessions.create(did, options.info, options.former);
    this.#inBackground(this.#deps.onSignIn(did), did);
    return { kind: "signed_in", cookie, to: returnPath(result.returnTo) };
  }

  /** Ends the browser's session, and the one at the PDS unless it is still needed. */
  async signOut(cookie: string): Promise<void> {
    const did = await this.#deps.webSessions.endByCookie(cookie);
    if (did !== undefined) await this.release(did);
  }

  /**
   * Ends the session at the PDS when no browser is signed in and no device or
   * access token is left, because the registry also writes there for those.
   */
  async release(did: Did): Promise<void> {
    const { webSessions, devices, oauth } = this.#deps;
    if ((await webSessions.list(did)).length > 0) return;
    if ((await devices.list(did)).length > 0) return;
    await oauth.revoke(did);
  }

  /** Resolves when no background work is running. */
  async settled(): Promise<void> {
    await Promise.all(this.#background);
  }

  #inBackground(work: Promise<void>, did: Did): void {
    const running = work.catch((error) =>
      this.#deps.log.warn("not all was done after a sign-in", { did, error })
    ).finally(() => this.#background.delete(running));
    this.#background.add(running);
  }

  async #nameOf(did: Did): Promise<string> {
    return (await this.#deps.identities.resolve(did)).handle ?? did;
  }
}
