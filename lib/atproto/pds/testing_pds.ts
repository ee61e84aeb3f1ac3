/**
 * A PDS for tests with the sessions of the real one: access tokens expire,
 * refresh tokens are valid once, passwords are checked.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";

const ACCESS_MS = 2 * 3_600_000;

/** What a test may change, and what happened. */
export class FakePds {
  readonly origin = "https://pds.example.com";
  readonly calls: string[] = [];
  readonly passwords = new Map<string, string>();
  /** Scope of its access tokens; undefined for none. */
  scope: string | undefined = "com.atproto.appPass";
  /** Responses that replace the usual ones, by method name. */
  readonly answers = new Map<string, () => Response | Promise<Response>>();
  readonly #clock: Clock;
  readonly #refresh = new Map<string, Did>();
  #access = new Map<string, { did: Did; until: number }>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sessions that can be refreshed. */
  get sessions(): number {
    return this.#refresh.size;
  }

  /** How often a method was called. */
  count(nsid: string): number {
    return this.calls.filter((call) => call === nsid).length;
  }

  /** Invalidates every access token, as a restart with another secret would. */
  forgetAccess(): void {
    this.#access = new Map();
  }

  /** Invalidates every refresh token, as revoking an app password does. */
  revoke(): void {
    this.forgetAccess();
    this.#refresh.clear();
  }

  /** A fetch that reaches this server only; everything else is 404. */
  readonly fetch: GuardedFetch = Object.assign(
    async (
      input: string | URL | Request,
      init?: RequestInit,
    ): Promise<Response> => {
      const request = new Request(input, init);
      const nsid = new URL(request.url).pathname.replace("/xrpc/", "");
      this.calls.push(nsid);
      // Makes concurrent requests overlap.
      await new Promise((resolve) => setTimeout(resolve, 1));
      const answer = this.answers.get(nsid);
      return answer ? await answer() : await this.#answer(nsid, request);
    },
    { close() {} },
  );

  async #answer(nsid: string, request: Request): Promise<Response> {
    const token = request.headers.get("authorization")?.slice(7) ?? "";
    if (nsid === "com.atproto.server.createSession") {
      const { identifier, password } = await request.json();
      if (this.passwords.get(identifier) !== password) {
        return error(401, "AuthenticationRequired");
      }
      return this.#session(identifier);
    }
    if (nsid === "com.atproto.server.refreshSession") {
      const did = this.#refresh.get(token);
      if (!did) return error(400, "ExpiredToken");
      this.#refresh.delete(token);
      return this.#session(did);
    }
    if (nsid === "com.atproto.server.deleteSession") {
      return this.#refresh.delete(token)
        ? new Response()
        : error(400, "InvalidToken");
    }
    const account = this.#access.get(token);
    if (!account) return error(401, "InvalidToken");
    if (account.until <= this.#clock.now()) return error(400, "ExpiredToken");
    if (nsid === "com.atproto.server.getServiceAuth") {
      const exp = Math.floor(this.#clock.now() / 1000) + 60;
      return Response.json({ token: jwt({ exp, jti: ++this.#count }) });
    }
    if (nsid === "com.atproto.repo.putRecord") {
      return Response.json({ uri: "at://x/y/z", cid: "bafy" });
    }
    return Response.json({});
  }

  #session(did: Did): Response {
    const n = ++this.#count;
    const until = this.#clock.now() + ACCESS_MS;
    const exp = Math.floor(until / 1000);
    const accessJwt = jwt({ exp, n, scope: this.scope });
    this.#access.set(accessJwt, { did, until });
    this.#refresh.set(`refresh-${n}`, did);
    return Response.json({ did, accessJwt, refreshJwt: `refresh-${n}` });
  }
}

/** An XRPC error. */
export function error(
  status: number,
  name: string,
  message = name,
  headers: HeadersInit = {},
): Response {
  return Response.json({ error: name, message }, { status, headers });
}

function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part({ alg: "HS256" })}.${part(claims)}.c2ln`;
}
