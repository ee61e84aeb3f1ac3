/**
 * Stolen, altered or mixed-up responses of an authorization server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import type { Did } from "../../../lib/did.ts";
import { SecretBox } from "../../../lib/crypto/secret_box.ts";
import { oauthSessionKey } from "../../../lib/auth/kv_keys.ts";
import { SessionStore } from "../../../lib/auth/oauth/stores.ts";
import { SECRET } from "../../support/auth_app.ts";
import { consent } from "../../support/consent.ts";
import { type Case, EVIL, statusOf, type World } from "./world.ts";

/** A browser redirected from the PDS with bob's consent. */
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

/** The parameters with one of them changed or removed. */
function changed(params: URLSearchParams, name: string, value?: string) {
  const copy = new URLSearchParams(params);
  if (value === undefined) copy.delete(name);
  else copy.set(name, value);
  return copy;
}

/** Cases of the OAuth client. */
export const OAUTH: Case[] = [
  ["a callback counts once", async (w) => {
    const { params, go } = await onItsWay(w);
    assert.equal(await statusOf(go(params)), 303);
    assert.equal(await statusOf(go(params)), 400);
  }],
  ["of two concurrent callbacks one succeeds", async (w) => {
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
    "a callback in another browser signs no user in, and the right one still can",
    async (w) => {
      const { browser, params, go } = await onItsWay(w);
      const victim = w.app.browser();
      assert.equal(await statusOf(go(params, victim)), 403);
      assert.ok(!victim.cookies.has("atcr_session"));
      // Not even one that is signing in itself.
      await victim.begin("alice.test");
      assert.equal(await statusOf(go(params, victim)), 403);
      assert.equal(await statusOf(go(params, browser)), 303);
    },
  ],
  ["a response of another issuer is refused (mix-up)", async (w) => {
    const { browser, params, go } = await onItsWay(w);
    assert.equal(await statusOf(go(changed(params, "iss", EVIL))), 403);
    assert.ok(!browser.cookies.has("atcr_session"));
  }],
  ["a response without issuer is refused", async (w) => {
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
    "a stolen code is useless without the verifier and the key",
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
  ["a server's message is text on our page, not markup", async (w) => {
    const { params, go } = await onItsWay(w);
    const copy = changed(params, "code");
    copy.set("error", "<script>alert(1)</script>");
    copy.set("error_description", '<img src=x onerror="alert(1)">');
    const html = await (await go(copy)).text();
    assert.ok(!/<script|<img/.test(html));
    assert.match(html, /&lt;img src=x/);
  }],
  ["responses in other forms are refused", async (w) => {
    const { browser, params, go } = await onItsWay(w);
    const copy = changed(params, "response", "eyJhbGciOiJub25lIn0.e30.");
    assert.ok(await statusOf(go(copy)) >= 400);
    assert.ok(!browser.cookies.has("atcr_session"));
  }],
  ["a token with insufficient scope counts as none", async (w) => {
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
    const mallory: Did = "did:plc:mallorymallorymallorymal";
    await kv.set(oauthSessionKey(mallory), stolen?.value);
    await assert.rejects(w.app.ctx.auth.session(mallory));
    await kv.delete(oauthSessionKey(mallory));
  }],
  ["a sign-in never leads to a private network", async ({ app }) => {
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
