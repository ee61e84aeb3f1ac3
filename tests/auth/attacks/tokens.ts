/**
 * Tokens used as another kind, or altered.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startAuthApp } from "../../support/auth_app.ts";
import { type Case, PUSH, statusOf } from "./world.ts";

/** Cases of misused tokens. */
export const TOKENS: Case[] = [
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
  ["responses with tokens are not cached", async (w) => {
    const { secret } = await w.device();
    const response = await w.token(secret);
    assert.equal(response.headers.get("cache-control"), "no-store");
    await response.body?.cancel();
    const page = await w.alice.get("/settings/devices");
    assert.equal(page.headers.get("cache-control"), "no-store");
    await page.body?.cancel();
  }],
];
