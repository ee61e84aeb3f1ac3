/**
 * The program in this process with a real PDS, and simulated browsers: they
 * keep cookies, send the headers of browsers, and do not follow redirects.
 *
 * @module
 */

import { loadConfig } from "../../lib/config/config.ts";
import { type AppContext, createContext } from "../../lib/context.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import { createLogger } from "../../lib/log.ts";
import { createApp } from "../../routes/app.ts";
import type { SandboxAccount } from "../../sandbox/launch.ts";
import { consent } from "./consent.ts";
import type { TestSandbox } from "./sandbox.ts";

/** The program. */
export interface AuthApp extends AsyncDisposable {
  readonly ctx: AppContext;
  /** Origin of the pages. */
  readonly origin: string;
  /** Every log line so far. */
  readonly log: string[];
  /** Handles a request from `address`. */
  fetch(request: Request, address?: string): Promise<Response>;
  /** A browser with its own address. */
  browser(): TestBrowser;
}

/** Options of {@linkcode startAuthApp}. */
export interface AuthAppOptions {
  env?: Record<string, string>;
  kv?: Kv;
  /** 64 hex digits; apps that share a store share it. */
  secret?: string;
}

/** The default secret key. */
export const SECRET: string = "5e".repeat(32);

/** Builds the program; nothing listens. */
export async function startAuthApp(
  sandbox: Pick<TestSandbox, "pds" | "plc">,
  options: AuthAppOptions = {},
): Promise<AuthApp> {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-auth-" });
  const config = loadConfig({
    args: [],
    readTextFile: Deno.readTextFileSync,
    env: {
      ATCR_SERVER_BASE_URL: "http://localhost:5000",
      ATCR_DATA_DIR: dataDir,
      ATCR_KV_URL: ":memory:",
      ATCR_STORAGE_DRIVER: "memory",
      ATCR_SECRET_KEY: options.secret ?? SECRET,
      ATCR_LOG_LEVEL: "debug",
      ...options.env,
    },
  });
  const log: string[] = [];
  const ctx = await createContext(
    config,
    createLogger({ level: "debug", write: (line) => log.push(line) }),
    { sandbox, ...(options.kv ? { kv: options.kv } : {}) },
  );
  const app = createApp(ctx, { stopping: () => false, denoServe: false });
  const base = new URL(config.server.base_url);
  if (base.hostname === "localhost") base.hostname = "127.0.0.1";
  const { origin } = base;
  const fetch = async (request: Request, remoteAddress?: string) =>
    await app.fetch(request, { remoteAddress });
  let browsers = 0;
  return {
    ctx,
    origin,
    log,
    fetch,
    browser: () => {
      const address = `192.0.2.${++browsers}`;
      return new TestBrowser(origin, (request) => fetch(request, address));
    },
    [Symbol.asyncDispose]: async () => {
      await ctx.auth.signIn.settled();
      if (!options.kv) ctx.close();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** A browser. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;
  readonly #fetch: (request: Request) => Promise<Response>;

  constructor(origin: string, fetch: (request: Request) => Promise<Response>) {
    this.#origin = origin;
    this.#fetch = fetch;
  }

  /** Opens a local URL, like a link or the address bar. */
  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(path, {
      headers: {
        "sec-fetch-site": "none",
        "sec-fetch-mode": "navigate",
        ...headers,
      },
    });
  }

  /** Submits a form, by default with the headers of our own page. */
  post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.send(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: {
        origin: this.#origin,
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "navigate",
        ...headers,
      },
    });
  }

  /** Sends a request with the cookies and stores those of the response. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const request = new Request(new URL(path, this.#origin), init);
    const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    if (cookie !== "") request.headers.set("cookie", cookie);
    request.headers.set("user-agent", "TestBrowser/1.0");
    const response = await this.#fetch(request);
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      const name = pair.slice(0, at);
      if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, decodeURIComponent(pair.slice(at + 1)));
    }
    return response;
  }

  /** Starts a sign-in and returns the authorization URL. */
  async begin(identifier: string, returnTo = "/"): Promise<URL> {
    const response = await this.post("/auth/login", {
      identifier,
      return_to: returnTo,
    });
    const text = await response.text();
    const location = response.headers.get("location");
    if (response.status === 303 && location !== null) return new URL(location);
    throw new Error(`sign-in answers ${response.status}: ${text}`);
  }

  /** Signs in as `account`, consent included. */
  async signIn(account: SandboxAccount, returnTo = "/"): Promise<Response> {
    const callback = await consent(
      await this.begin(account.handle, returnTo),
      account,
    );
    const response = await this.get(`${callback.pathname}${callback.search}`, {
      "sec-fetch-site": "cross-site",
    });
    await response.body?.cancel();
    return response;
  }

  /** The CSRF token of a page. */
  async csrf(path = "/settings/devices"): Promise<string> {
    const html = await (await this.get(path)).text();
    return /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? "";
  }
}
