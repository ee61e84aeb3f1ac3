/**
 * What attackers try against signing in, one case a step, against the whole
 * program with a real PDS.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import type { Did } from "../../lib/atproto/identity.ts";
import { SecretBox } from "../../lib/atproto/secret_box.ts";
import { oauthSessionKey } from "../../lib/auth/keys.ts";
import { SessionStore } from "../../lib/auth/oauth/stores.ts";
import { equalText } from "../../lib/auth/secrets.ts";
import {
  type AuthApp,
  SECRET,
  startAuthApp,
  TestBrowser,
} from "../support/auth_app.ts";
import { consent } from "../support/consent.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";

/** What the cases share. */
interface World {
  readonly sandbox: TestSandbox;
  readonly app: AuthApp;
  /** A browser in which alice is signed in. */
  readonly alice: TestBrowser;
  readonly did: Did;
  csrf(): Promise<string>;
  request(path: string, init?: RequestInit): Promise<Response>;
  form(path: string, fields: Record<string, string>): Promise<Response>;
  bearer(path: string, token: string, init?: RequestInit): Promise<Response>;
  /** A device of alice's. */
  device(scope?: string): Promise<{ id: string; secret: string }>;
  /** Asks for a registry token; `scope` may name several. */
  token(secret: string, scope?: string, user?: string): Promise<Response>;
  registryToken(secret: string, scope?: string): Promise<string>;
  startDevice(
    fields?: Record<string, string>,
  ): Promise<{ device_code: string; user_code: string; [k: string]: unknown }>;
  poll(deviceCode: string): Promise<{ status: number; error?: string }>;
}

type Case = [name: string, run: (w: World) => Promise<void>];

const EVIL = "https://evil.example";
const PUSH = "repository:alice.test/app:pull,push";

/** Drops the body and gives the status. */
async function statusOf(response: Response | Promise<Response>) {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

const CSRF: Case[] = [
  ["another site cannot begin a sign-in", async ({ app }) => {
    const browser = app.browser();
    const response = browser.post("/auth/login", { identifier: "alice.test" }, {
      "sec-fetch-site": "cross-site",
      origin: EVIL,
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["neither can a sibling of our domain", async ({ app }) => {
    const response = app.browser().post("/auth/login", { identifier: "x" }, {
      "sec-fetch-site": "same-site",
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["old browsers are told apart by Origin", async ({ app }) => {
    for (const origin of [EVIL, "null"]) {
      const response = app.browser().send("/auth/login", {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({ identifier: "alice.test" }),
      });
      assert.equal(await statusOf(response), 403, origin);
    }
  }],
  ["a sign-out without proof does nothing", async ({ alice }) => {
    assert.equal(await statusOf(alice.post("/auth/logout", {})), 403);
    assert.equal(await statusOf(alice.get("/settings/devices")), 200);
  }],
  ["the proof of another session is none", async ({ alice, app, sandbox }) => {
    const other = app.browser();
    await other.signIn(sandbox.bob);
    const csrf = await other.csrf();
    assert.equal(await statusOf(alice.post("/auth/logout", { csrf })), 403);
    await other.post("/auth/logout", { csrf });
  }],
  ["a link cannot sign anybody out", async ({ alice }) => {
    assert.equal(await statusOf(alice.get("/auth/logout")), 404);
    assert.equal(await statusOf(alice.get("/settings/devices")), 200);
  }],
  ["another site cannot revoke a device, proof or not", async (w) => {
    const { id, secret } = await w.device();
    const fields = { csrf: await w.csrf(), id };
    const response = w.alice.post("/settings/devices/revoke", fields, {
      "sec-fetch-site": "cross-site",
    });
    assert.equal(await statusOf(response), 403);
    assert.equal(await statusOf(w.bearer("/api/devices/self", secret)), 200);
  }],
  ["another site cannot make a token", async ({ alice }) => {
    const before = await deviceCount(alice);
    const fields = { name: "x", repositories: "*", access: "push", days: "7" };
    const response = alice.post("/settings/devices/tokens", fields);
    assert.equal(await statusOf(response), 403);
    assert.equal(await deviceCount(alice), before);
  }],
  ["another site cannot approve a device", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    const fields = { code: user_code, days: "7", decision: "approve" };
    assert.equal(await statusOf(w.alice.post("/device", fields)), 403);
    assert.equal((await w.poll(device_code)).error, "authorization_pending");
  }],
  ["the API wants the proof in a header", async (w) => {
    const { id } = await w.device();
    const send = (headers: Record<string, string>) =>
      statusOf(w.alice.send(`/api/devices/${id}`, {
        method: "DELETE",
        headers: { "sec-fetch-site": "same-origin", ...headers },
      }));
    assert.equal(await send({}), 403);
    assert.equal(await send({ "x-csrf-token": "wrong" }), 403);
    assert.equal(await send({ "x-csrf-token": await w.csrf() }), 204);
  }],
  ["the API makes no token for a form of another site", async ({ alice }) => {
    const response = alice.send("/api/devices", {
      method: "POST",
      headers: { "content-type": "text/plain", "sec-fetch-site": "cross-site" },
      body: '{"name":"x","scope":"repository:*:pull","lifetime_days":7}',
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["the API is closed to scripts of other sites", async ({ alice }) => {
    const response = await alice.send("/api/devices", {
      headers: { origin: EVIL },
    });
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    await response.body?.cancel();
  }],
  ["forms are forms", async ({ alice, csrf }) => {
    const response = alice.send("/auth/logout", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ csrf: await csrf() }),
    });
    assert.equal(await statusOf(response), 415);
  }],
];

/** How many devices alice has. */
async function deviceCount(alice: TestBrowser): Promise<number> {
  const { devices } = await (await alice.send("/api/devices")).json();
  return devices.length;
}

const REDIRECTS: Case[] = [
  EVIL,
  "//evil.example/x",
  "/\\evil.example",
  "/\t/evil.example",
  "/.//evil.example",
  "javascript:alert(1)",
  "/settings\r\nset-cookie: a=b",
].map((target): Case => [
  `a sign-in does not lead to ${JSON.stringify(target)}`,
  async ({ app, sandbox }) => {
    const browser = app.browser();
    const response = await browser.signIn(sandbox.bob, target);
    assert.equal(response.headers.get("location"), "/");
    assert.ok(!browser.cookies.has("a"));
    await browser.post("/auth/logout", { csrf: await browser.csrf() });
  },
]);

const SESSIONS: Case[] = [
  ["a planted cookie does not become a session", async ({ app, sandbox }) => {
    const browser = app.browser();
    const planted = "A".repeat(43);
    browser.cookies.set("atcr_session", planted);
    await browser.signIn(sandbox.bob);
    assert.notEqual(browser.cookies.get("atcr_session"), planted);
    const thief = app.browser();
    thief.cookies.set("atcr_session", planted);
    assert.equal(await statusOf(thief.get("/settings/devices")), 303);
  }],
  ["signing in again ends the former session", async ({ app, sandbox }) => {
    const browser = app.browser();
    await browser.signIn(sandbox.bob);
    const former = browser.cookies.get("atcr_session") ?? "";
    await browser.signIn(sandbox.bob);
    const thief = app.browser();
    thief.cookies.set("atcr_session", former);
    assert.equal(await statusOf(thief.get("/settings/devices")), 303);
  }],
  ["a cookie is dead after the sign-out", async ({ app, sandbox }) => {
    const browser = app.browser();
    await browser.signIn(sandbox.bob);
    const cookie = browser.cookies.get("atcr_session") ?? "";
    await browser.post("/auth/logout", { csrf: await browser.csrf() });
    assert.ok(!browser.cookies.has("atcr_session"));
    browser.cookies.set("atcr_session", cookie);
    assert.equal(await statusOf(browser.get("/settings/devices")), 303);
  }],
  ["cookies are out of reach of scripts and other sites", async (w) => {
    const browser = w.app.browser();
    const response = await browser.signIn(w.sandbox.bob);
    const lines = response.headers.getSetCookie();
    const line = lines.find((text) => text.startsWith("atcr_session=")) ?? "";
    assert.match(line, /^atcr_session=[A-Za-z0-9_-]{43};/);
    for (const flag of ["HttpOnly", "SameSite=Lax", "Path=/"]) {
      assert.ok(line.includes(flag), flag);
    }
    assert.ok(!/domain/i.test(line));
  }],
  ["what a page shows of a session does not open it", async (w) => {
    const page = await (await w.alice.get("/settings/sessions")).text();
    const id = /name="id" value="([0-9a-f]+)"/.exec(page)?.[1] ?? "";
    assert.equal(id.length, 16);
    const thief = w.app.browser();
    thief.cookies.set("atcr_session", id);
    assert.equal(await statusOf(thief.get("/settings/devices")), 303);
  }],
  ["nobody ends the session of somebody else", async (w) => {
    const bob = w.app.browser();
    await bob.signIn(w.sandbox.bob);
    const page = await (await w.alice.get("/settings/sessions")).text();
    const id = /name="id" value="([0-9a-f]+)"/.exec(page)?.[1] ?? "";
    const fields = { csrf: await bob.csrf(), id };
    const response = bob.post("/settings/sessions/end", fields);
    assert.equal(await statusOf(response), 404);
    assert.equal(await statusOf(w.alice.get("/settings/sessions")), 200);
  }],
];

/** A browser on its way back from the PDS with bob's consent. */
async function onItsWay(w: World) {
  const browser = w.app.browser();
  const callback = await consent(
    await browser.begin("bob.test"),
    w.sandbox.bob,
  );
  const go = (params: URLSearchParams, by = browser) =>
    by.get(`${callback.pathname}?${params}`, {
      "sec-fetch-site": "cross-site",
    });
  return { browser, params: callback.searchParams, go };
}

/** The parameters with one of them changed, or taken away. */
function changed(params: URLSearchParams, name: string, value?: string) {
  const copy = new URLSearchParams(params);
  if (value === undefined) copy.delete(name);
  else copy.set(name, value);
  return copy;
}

const OAUTH: Case[] = [
  ["a callback counts once", async (w) => {
    const { params, go } = await onItsWay(w);
    assert.equal(await statusOf(go(params)), 303);
    assert.equal(await statusOf(go(params)), 400);
  }],
  ["of two callbacks at the same moment one counts", async (w) => {
    const { params, go } = await onItsWay(w);
    const statuses = await Promise.all(
      [1, 2, 3, 4].map(() => statusOf(go(params))),
    );
    assert.equal(statuses.filter((status) => status === 303).length, 1);
  }],
  ["an unknown, empty or missing state is refused", async (w) => {
    const { params, go } = await onItsWay(w);
    for (const state of ["AAAAAAAAAAAAAAAAAAAAAA", "", undefined, "../x"]) {
      assert.equal(await statusOf(go(changed(params, "state", state))), 400);
    }
  }],
  [
    "a callback in another browser signs nobody in, and the right one still can",
    async (w) => {
      const { browser, params, go } = await onItsWay(w);
      const victim = w.app.browser();
      assert.equal(await statusOf(go(params, victim)), 403);
      assert.ok(!victim.cookies.has("atcr_session"));
      // Not even one that is about to sign in itself.
      await victim.begin("alice.test");
      assert.equal(await statusOf(go(params, victim)), 403);
      assert.equal(await statusOf(go(params, browser)), 303);
    },
  ],
  ["an answer of another issuer is refused (mix-up)", async (w) => {
    const { browser, params, go } = await onItsWay(w);
    assert.equal(await statusOf(go(changed(params, "iss", EVIL))), 403);
    assert.ok(!browser.cookies.has("atcr_session"));
  }],
  ["an answer without issuer is refused", async (w) => {
    const { browser, params, go } = await onItsWay(w);
    assert.ok(await statusOf(go(changed(params, "iss"))) >= 400);
    assert.ok(!browser.cookies.has("atcr_session"));
  }],
  ["the code of one sign-in does not fit another (PKCE)", async (w) => {
    const first = await onItsWay(w);
    const second = await onItsWay(w);
    const code = first.params.get("code") ?? "";
    const swapped = changed(second.params, "code", code);
    assert.equal(await statusOf(second.go(swapped)), 400);
    assert.ok(!second.browser.cookies.has("atcr_session"));
  }],
  [
    "a stolen code is worth nothing without the verifier and the key",
    async (w) => {
      const { params } = await onItsWay(w);
      const endpoint = `${w.sandbox.pds}/oauth/token`;
      const callback = `${w.app.origin}/auth/oauth/callback`;
      const clientId = w.app.ctx.auth.oauth.metadata().client_id;
      for (const verifier of [undefined, "A".repeat(43)]) {
        const response = await fetch(endpoint, {
          method: "POST",
          body: new URLSearchParams({
            grant_type: "authorization_code",
            code: params.get("code") ?? "",
            client_id: clientId,
            redirect_uri: callback,
            ...(verifier === undefined ? {} : { code_verifier: verifier }),
          }),
        });
        assert.ok(await statusOf(response) >= 400);
      }
    },
  ],
  ["the request asks for S256 and nothing weaker", async (w) => {
    await w.app.browser().begin("bob.test");
    const path = `${w.sandbox.dataDir}/pds/account.sqlite`;
    const sqlite = new DatabaseSync(path, { readOnly: true });
    const states: string[] = [];
    try {
      const rows = sqlite.prepare(
        "select parameters from authorization_request",
      ).all();
      assert.ok(rows.length > 0);
      for (const { parameters } of rows) {
        const sent = JSON.parse(String(parameters));
        assert.equal(sent.code_challenge_method, "S256");
        assert.match(sent.code_challenge, /^[A-Za-z0-9_-]{43}$/);
        assert.equal(sent.response_type, "code");
        states.push(sent.state);
      }
    } finally {
      sqlite.close();
    }
    assert.equal(new Set(states).size, states.length);
  }],
  ["what a server says is text on our page, not markup", async (w) => {
    const { params, go } = await onItsWay(w);
    const copy = changed(params, "code");
    copy.set("error", "<script>alert(1)</script>");
    copy.set("error_description", '<img src=x onerror="alert(1)">');
    const html = await (await go(copy)).text();
    assert.ok(!/<script|<img/.test(html));
    assert.match(html, /&lt;img src=x/);
  }],
  ["answers in other forms are refused", async (w) => {
    const { browser, params, go } = await onItsWay(w);
    const copy = changed(params, "response", "eyJhbGciOiJub25lIn0.e30.");
    assert.ok(await statusOf(go(copy)) >= 400);
    assert.ok(!browser.cookies.has("atcr_session"));
  }],
  ["a token that allows less than is needed counts as none", async (w) => {
    const { kv, clock } = w.app.ctx;
    const box = new SecretBox(Buffer.from(SECRET, "hex"));
    const store = new SessionStore({ kv, clock, box });
    const before = await kv.get(oauthSessionKey(w.did));
    const session = await store.get(w.did);
    assert.ok(session && await w.app.ctx.auth.session(w.did));
    const tokenSet = { ...session.tokenSet, scope: "atproto" as const };
    await store.set(w.did, { ...session, tokenSet });
    assert.equal(await w.app.ctx.auth.session(w.did), undefined);
    const page = await (await w.alice.get("/settings/devices")).text();
    assert.match(page, /allows too little/);
    await kv.set(oauthSessionKey(w.did), before?.value);
  }],
  ["tokens moved to another account do not decrypt", async (w) => {
    const { kv } = w.app.ctx;
    const stolen = await kv.get(oauthSessionKey(w.did));
    const mallory: Did = "did:plc:mallory";
    await kv.set(oauthSessionKey(mallory), stolen?.value);
    await assert.rejects(w.app.ctx.auth.session(mallory));
    await kv.delete(oauthSessionKey(mallory));
  }],
  ["a sign-in leads into no private network", async ({ app }) => {
    const targets = [
      "http://169.254.169.254/",
      "https://127.0.0.1:1/",
      "https://localhost/",
      "https://[::1]/",
      "http://10.0.0.1",
      "file:///etc/passwd",
    ];
    for (const identifier of targets) {
      const response = await app.browser().post("/auth/login", { identifier });
      assert.equal(await statusOf(response), 400, identifier);
    }
  }],
];

const DEVICES: Case[] = [
  ["a device code gives its secret once", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    await w.alice.post("/device", {
      csrf: await w.csrf(),
      code: user_code,
      days: "7",
      decision: "approve",
    });
    assert.equal((await w.poll(device_code)).status, 200);
    assert.equal((await w.poll(device_code)).error, "invalid_grant");
  }],
  ["neither a user code nor any other text is a device code", async (w) => {
    const { user_code } = await w.startDevice();
    for (const wrong of [user_code, "", "A".repeat(43), "x".repeat(10_000)]) {
      assert.equal((await w.poll(wrong)).error, "invalid_grant");
    }
  }],
  ["nobody approves without being signed in", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    const response = w.app.browser().post("/device", {
      csrf: await w.csrf(),
      code: user_code,
      days: "7",
      decision: "approve",
    });
    assert.equal(await statusOf(response), 401);
    assert.equal((await w.poll(device_code)).error, "authorization_pending");
  }],
  ["an approval adds nothing to what was asked for", async (w) => {
    const { device_code, user_code } = await w.startDevice({
      client_name: "x",
      scope: "repository:app:pull",
    });
    await w.alice.post("/device", {
      csrf: await w.csrf(),
      code: user_code,
      days: "7",
      decision: "approve",
      scope: "repository:*:pull,push,delete",
      permissions: "repository:*:delete",
    });
    const { access_token } = await w.poll(device_code) as unknown as {
      access_token: string;
    };
    const state = await (await w.bearer("/api/devices/self", access_token))
      .json();
    assert.equal(state.scope, "repository:app:pull");
  }],
  ["a person can take the right to write away", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    await w.alice.post("/device", {
      csrf: await w.csrf(),
      code: user_code,
      days: "7",
      decision: "approve",
      read_only: "yes",
    });
    const { access_token } = await w.poll(device_code) as unknown as {
      access_token: string;
    };
    const state = await (await w.bearer("/api/devices/self", access_token))
      .json();
    assert.equal(state.scope, "repository:*:pull");
  }],
  ["no life is longer than a year", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    for (const days of ["367", "99999", "-1", "0", "1e9", ""]) {
      const response = w.alice.post("/device", {
        csrf: await w.csrf(),
        code: user_code,
        days,
        decision: "approve",
      });
      assert.equal(await statusOf(response), 400, days);
    }
    assert.equal((await w.poll(device_code)).error, "authorization_pending");
  }],
  ["a program's name is text on one line", async (w) => {
    const { user_code } = await w.startDevice({
      client_name: "<b>safe</b>\r\nSet-Cookie: a=b",
    });
    const page = await (await w.alice.get(`/device?code=${user_code}`)).text();
    assert.ok(!page.includes("<b>safe"));
    assert.match(page, /&lt;b>safe/);
    assert.ok(!/\r\nSet-Cookie/i.test(page));
  }],
  ["the address for people is ours, whatever Host says", async (w) => {
    const response = await w.app.fetch(
      new Request(`${EVIL}/auth/device/code`, {
        method: "POST",
        headers: { host: "evil.example", "x-forwarded-host": "evil.example" },
        body: new URLSearchParams({ client_name: "x" }),
      }),
    );
    const { verification_uri } = await response.json();
    assert.equal(verification_uri, `${w.app.origin}/device`);
  }],
  ["a poll that comes too early is slowed down", async (w) => {
    const { device_code } = await w.startDevice();
    await w.poll(device_code);
    assert.equal((await w.poll(device_code)).error, "slow_down");
  }],
  ["a denied request stays denied", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    const fields = { csrf: await w.csrf(), code: user_code, days: "7" };
    await w.alice.post("/device", { ...fields, decision: "deny" });
    await w.alice.post("/device", { ...fields, decision: "approve" });
    assert.equal((await w.poll(device_code)).error, "access_denied");
  }],
];

const TOKENS: Case[] = [
  ["a device secret is no registry token", async (w) => {
    const { secret } = await w.device();
    assert.equal(await statusOf(w.bearer("/v2/", secret)), 401);
  }],
  ["a registry token is no device secret", async (w) => {
    const { secret } = await w.device();
    const token = await w.registryToken(secret);
    assert.equal(await statusOf(w.bearer("/v2/", token)), 200);
    assert.equal(await statusOf(w.bearer("/api/devices/self", token)), 401);
    assert.equal(await statusOf(w.token(token)), 401);
  }],
  [
    "a refresh token is no registry token, and the other way round",
    async (w) => {
      const { secret } = await w.device();
      const response = await w.token(secret, `${PUSH}&offline_token=true`);
      const { token, refresh_token } = await response.json();
      assert.equal(await statusOf(w.bearer("/v2/", refresh_token)), 401);
      const refresh = (text: string) =>
        statusOf(w.form("/auth/token", {
          grant_type: "refresh_token",
          refresh_token: text,
        }));
      assert.equal(await refresh(refresh_token), 200);
      assert.equal(await refresh(token), 401);
      assert.equal(await refresh(secret), 401);
    },
  ],
  ["a session cookie is no token of any kind", async (w) => {
    const cookie = w.alice.cookies.get("atcr_session") ?? "";
    assert.equal(await statusOf(w.bearer("/v2/", cookie)), 401);
    assert.equal(await statusOf(w.bearer("/api/devices/self", cookie)), 401);
    assert.equal(await statusOf(w.token(cookie)), 401);
  }],
  ["a device secret is no cookie", async (w) => {
    const { secret } = await w.device();
    const browser = w.app.browser();
    for (const value of [secret, secret.slice(-43)]) {
      browser.cookies.set("atcr_session", value);
      assert.equal(await statusOf(browser.get("/settings/devices")), 303);
    }
  }],
  ["a service token for a hold is no registry token", async (w) => {
    const session = await w.app.ctx.auth.session(w.did);
    const service = await session?.serviceToken(
      "did:web:localhost%3A5000",
      "io.atcr.hold.initiateUpload",
    ) ?? "";
    assert.ok(service.split(".").length === 3);
    assert.equal(await statusOf(w.bearer("/v2/", service)), 401);
    const refresh = w.form("/auth/token", {
      grant_type: "refresh_token",
      refresh_token: service,
    });
    assert.equal(await statusOf(refresh), 401);
  }],
  ["a registry token is no service token for the hold", async (w) => {
    const { secret } = await w.device();
    const token = await w.registryToken(secret);
    const path = "/xrpc/io.atcr.hold.initiateUpload";
    const response = w.bearer(path, token, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ digest: `sha256:${"0".repeat(64)}` }),
    });
    assert.equal(await statusOf(response), 401);
  }],
  ["a registry token in place of the PDS's is refused there", async (w) => {
    const { secret } = await w.device();
    const token = await w.registryToken(secret);
    for (const scheme of ["Bearer", "DPoP"]) {
      const response = fetch(
        `${w.sandbox.pds}/xrpc/com.atproto.server.getSession`,
        { headers: { authorization: `${scheme} ${token}` } },
      );
      assert.ok(await statusOf(response) >= 400);
    }
  }],
  ["tokens of a registry with another secret are refused", async (w) => {
    await using other = await startAuthApp(w.sandbox, {
      secret: "7f".repeat(32),
    });
    const { token } = await other.ctx.auth.tokens.issue({
      did: w.did,
      credential: { kind: "password" },
    }, [{ did: w.did, repo: "app", actions: ["push"] }]);
    assert.equal(await statusOf(w.bearer("/v2/", token)), 401);
  }],
  ["unsigned and altered tokens are refused", async (w) => {
    const { secret } = await w.device();
    const token = await w.registryToken(secret);
    const [, body = "", signature = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString());
    const encode = (value: unknown) =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const wider = encode({
      ...claims,
      access: [[w.did, "other", ["push"], []]],
    });
    const header = encode({ alg: "HS256", typ: "registry+jwt" });
    for (
      const forged of [
        `${encode({ alg: "none", typ: "registry+jwt" })}.${wider}.`,
        `${encode({ alg: "none" })}.${body}.${signature}`,
        `${header}.${wider}.${signature}`,
      ]
    ) {
      assert.equal(await statusOf(w.bearer("/v2/", forged)), 401);
    }
  }],
  ["answers with tokens are kept by nobody in between", async (w) => {
    const { secret } = await w.device();
    const response = await w.token(secret);
    assert.equal(response.headers.get("cache-control"), "no-store");
    await response.body?.cancel();
    const page = await w.alice.get("/settings/devices");
    assert.equal(page.headers.get("cache-control"), "no-store");
    await page.body?.cancel();
  }],
];

/** Whether a push may begin with this registry token. */
function startUpload(w: World, token: string, repo: string) {
  const path = `/v2/${repo}/blobs/uploads/`;
  return statusOf(w.bearer(path, token, { method: "POST" }));
}

const SCOPES: Case[] = [
  ["nobody pushes under the name of somebody else", async (w) => {
    const { secret } = await w.device();
    const scope = "repository:bob.test/app:pull,push";
    const token = await w.registryToken(secret, scope);
    assert.equal(await startUpload(w, token, "bob.test/app"), 403);
  }],
  ["a token for one repository does not open another", async (w) => {
    const { secret } = await w.device();
    const token = await w.registryToken(secret, PUSH);
    assert.equal(await startUpload(w, token, "alice.test/other"), 401);
  }],
  ["a device for one repository gets no token for another", async (w) => {
    const { secret } = await w.device("repository:app:pull,push");
    const scope = "repository:alice.test/other:pull,push";
    const token = await w.registryToken(secret, scope);
    assert.equal(await startUpload(w, token, "alice.test/other"), 403);
  }],
  ["a device that may pull gets no token to push or delete", async (w) => {
    const { secret } = await w.device("repository:*:pull");
    for (const actions of ["pull,push", "*", "push", "delete"]) {
      const scope = `repository:alice.test/app:${actions}`;
      const token = await w.registryToken(secret, scope);
      assert.equal(await startUpload(w, token, "alice.test/app") >= 401, true);
    }
  }],
  ["a device that may push gets no token to delete", async (w) => {
    const { secret } = await w.device("repository:*:pull,push");
    const scope = "repository:alice.test/app:*";
    const token = await w.registryToken(secret, scope);
    const response = w.bearer("/v2/alice.test/app/manifests/latest", token, {
      method: "DELETE",
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["names that are spelled otherwise give no further rights", async (w) => {
    const { secret } = await w.device("repository:app:pull,push");
    for (
      const name of [
        "alice.test/app/../other",
        "alice.test/app%2fother",
        "alice.test/App",
        "ALICE.test/other",
        "alice.test//other",
      ]
    ) {
      const scope = `repository:${encodeURIComponent(name)}:pull,push`;
      const token = await w.registryToken(secret, scope);
      assert.ok(await startUpload(w, token, "alice.test/other") >= 401, name);
    }
  }],
  ["a device makes, lists and revokes no other devices", async (w) => {
    const { secret } = await w.device();
    const { id } = await w.device();
    assert.equal(await statusOf(w.bearer("/api/devices", secret)), 401);
    const make = w.bearer("/api/devices", secret, {
      method: "POST",
      body: '{"name":"x","scope":"repository:*:pull","lifetime_days":7}',
    });
    assert.equal(await statusOf(make), 401);
    const revoke = w.bearer(`/api/devices/${id}`, secret, {
      method: "DELETE",
    });
    assert.equal(await statusOf(revoke), 401);
  }],
  ["nobody revokes the device of somebody else", async (w) => {
    const { id, secret } = await w.device();
    const bob = w.app.browser();
    await bob.signIn(w.sandbox.bob);
    const csrf = await bob.csrf();
    const response = bob.post("/settings/devices/revoke", { csrf, id });
    assert.equal(await statusOf(response), 404);
    assert.equal(await statusOf(w.bearer("/api/devices/self", secret)), 200);
  }],
  ["a device secret with the name of another account is refused", async (w) => {
    const { secret } = await w.device();
    assert.equal(await statusOf(w.token(secret, PUSH, "bob.test")), 401);
  }],
  [
    "a revoked device takes its registry and refresh tokens with it",
    async (w) => {
      const { id, secret } = await w.device();
      const response = await w.token(secret, `${PUSH}&offline_token=true`);
      const { token, refresh_token } = await response.json();
      assert.equal(await statusOf(w.bearer("/v2/", token)), 200);
      await w.alice.post("/settings/devices/revoke", {
        csrf: await w.csrf(),
        id,
      });
      assert.equal(await statusOf(w.bearer("/v2/", token)), 401);
      assert.equal(await statusOf(w.token(secret)), 401);
      const refresh = w.form("/auth/token", {
        grant_type: "refresh_token",
        refresh_token,
      });
      assert.equal(await statusOf(refresh), 401);
    },
  ],
  ["ended password logins take their tokens with them", async (w) => {
    const { appPassword } = w.sandbox.alice;
    const response = await w.token(appPassword, `${PUSH}&offline_token=true`);
    const { token, refresh_token } = await response.json();
    assert.equal(await statusOf(w.bearer("/v2/", token)), 200);
    await w.alice.post("/settings/sessions/end-logins", {
      csrf: await w.csrf(),
    });
    assert.equal(await statusOf(w.bearer("/v2/", token)), 401);
    const refresh = w.form("/auth/token", {
      grant_type: "refresh_token",
      refresh_token,
    });
    assert.equal(await statusOf(refresh), 401);
  }],
];

const REST: Case[] = [
  ["secrets are compared in a time that tells nothing", () => {
    const secret = "x".repeat(8_000_000);
    const early = `y${secret.slice(1)}`;
    const late = `${secret.slice(1)}y`;
    const time = (guess: string) => {
      const runs = Array.from({ length: 5 }, () => {
        const started = performance.now();
        assert.ok(!equalText(guess, secret));
        return performance.now() - started;
      });
      return Math.min(...runs);
    };
    time(early);
    const [first, last] = [time(early), time(late)];
    // Stopping at the first difference would be a thousand times faster.
    assert.ok(last < first * 10 && first < last * 10, `${first} ${last}`);
    return Promise.resolve();
  }],
  ["pages cannot be framed and load nothing from elsewhere", async (w) => {
    for (const path of ["/", "/auth/login", "/settings/devices", "/device"]) {
      const response = await w.alice.get(path);
      await response.body?.cancel();
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.ok(!/unsafe|\*/.test(policy), path);
      assert.equal(response.headers.get("x-frame-options"), "DENY");
    }
  }],
  ["what people type comes back as text", async (w) => {
    const identifier = '"><script>alert(1)</script>';
    const query = new URLSearchParams({ identifier, return_to: identifier });
    const pages = [
      await w.alice.get(`/auth/login?${query}`),
      await w.alice.post("/auth/login", { identifier }),
      await w.alice.get(`/device?${new URLSearchParams({ code: "<b>" })}`),
      await w.alice.get("/no/<script>alert(1)</script>"),
    ];
    for (const page of pages) {
      assert.ok(!(await page.text()).includes("<script>"));
    }
  }],
  ["an address in a header is believed of a trusted proxy only", async (w) => {
    const from = async (app: AuthApp) => {
      const response = await app.fetch(
        new Request(`${app.origin}/auth/device/code`, {
          method: "POST",
          headers: { "x-forwarded-for": "203.0.113.5, 198.51.100.7" },
          body: new URLSearchParams({ client_name: "x" }),
        }),
      );
      const { user_code } = await response.json();
      return (await app.ctx.auth.deviceCodes.find(user_code, w.did, "x"))
        .address;
    };
    assert.equal(await from(w.app), "unknown");
    await using proxied = await startAuthApp(w.sandbox, {
      env: { ATCR_SERVER_TRUST_PROXY: "true" },
    });
    assert.equal(await from(proxied), "198.51.100.7");
  }],
  ["forms and requests have a limit", async (w) => {
    const huge = { client_name: "x".repeat(20_000) };
    assert.equal(await statusOf(w.form("/auth/device/code", huge)), 413);
    const post = w.alice.post("/auth/login", {
      identifier: "x".repeat(20_000),
    });
    assert.equal(await statusOf(post), 413);
  }],
  ["wrong passwords are limited for an account and an address", async (w) => {
    for (let i = 0; i < 10; i++) {
      await statusOf(w.token("wrong", PUSH, "bob.test"));
    }
    const right = w.token(w.sandbox.bob.appPassword, PUSH, "bob.test");
    assert.equal(await statusOf(right), 429);
  }],
  ["guessing user codes is limited", async (w) => {
    const guess = (code: string) =>
      statusOf(w.alice.get(`/device?code=${code}`));
    const { user_code } = await w.startDevice();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push(await guess("BCDF-GHJK"));
    assert.equal(statuses.at(-1), 429);
    assert.equal(await guess(user_code), 429);
  }],
  ["requests for devices are limited", async (w) => {
    const statuses: number[] = [];
    for (let i = 0; i < 31; i++) {
      statuses.push(
        await statusOf(w.form("/auth/device/code", { client_name: "x" })),
      );
    }
    assert.equal(statuses.at(-1), 429);
  }],
  ["sign-ins from one address are limited", async ({ app }) => {
    const statuses: number[] = [];
    const browser = app.browser();
    for (let i = 0; i < 31; i++) {
      const post = browser.post("/auth/login", { identifier: "?" });
      const text = await (await post).text();
      statuses.push(/Too many sign-ins/.test(text) ? 429 : 400);
    }
    assert.equal(statuses.at(-1), 429);
  }],
];

const CASES: Case[] = [
  ...CSRF,
  ...REDIRECTS,
  ...SESSIONS,
  ...OAUTH,
  ...DEVICES,
  ...TOKENS,
  ...SCOPES,
  ...REST,
];

Deno.test("nothing is gained by attacks on signing in", async (t) => {
  assert.ok(CASES.length >= 50, `${CASES.length} cases`);
  await using sandbox = await startTestSandbox();
  await using app = await startAuthApp(sandbox);
  const alice = app.browser();
  await alice.signIn(sandbox.alice);
  const did = sandbox.alice.did as Did;
  const request = (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(new URL(path, app.origin), init));
  const form = (path: string, fields: Record<string, string>) =>
    request(path, { method: "POST", body: new URLSearchParams(fields) });
  const token: World["token"] = (secret, scope = PUSH, user = "alice.test") =>
    request(`/auth/token?service=x&scope=${scope}`, {
      headers: {
        authorization: `Basic ${
          Buffer.from(`${user}:${secret}`).toString("base64")
        }`,
      },
    });
  const world: World = {
    sandbox,
    app,
    alice,
    did,
    request,
    form,
    token,
    csrf: () => alice.csrf(),
    bearer: (path, bearer, init = {}) =>
      request(path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${bearer}` },
      }),
    device: async (scope = "repository:*:pull,push") => {
      const response = await alice.send("/api/devices", {
        method: "POST",
        headers: {
          "sec-fetch-site": "same-origin",
          "x-csrf-token": await alice.csrf(),
        },
        body: JSON.stringify({ name: "test", scope, lifetime_days: 7 }),
      });
      assert.equal(response.status, 201);
      return await response.json();
    },
    registryToken: async (secret, scope) => {
      const response = await token(secret, scope);
      assert.equal(response.status, 200);
      return (await response.json()).token;
    },
    startDevice: async (fields = { client_name: "test" }) => {
      const response = await form("/auth/device/code", fields);
      assert.equal(response.status, 200);
      return await response.json();
    },
    poll: async (deviceCode) => {
      const response = await form("/auth/device/token", {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        device_code: deviceCode,
      });
      return { status: response.status, ...await response.json() };
    },
  };
  for (const [name, run] of CASES) await t.step(name, () => run(world));
});
