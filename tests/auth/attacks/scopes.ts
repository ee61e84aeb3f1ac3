/**
 * Requests beyond the rights of a token, a device or an account.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Case, PUSH, statusOf, type World } from "./world.ts";

/** Whether a push can start with this registry token. */
function startUpload(w: World, token: string, repo: string) {
  const path = `/v2/${repo}/blobs/uploads/`;
  return statusOf(w.bearer(path, token, { method: "POST" }));
}

/** Cases of missing rights. */
export const SCOPES: Case[] = [
  ["an account cannot push in repositories of another", async (w) => {
    const { secret } = await w.device();
    const scope = "repository:bob.test/app:pull,push";
    const token = await w.registryToken(secret, scope);
    assert.equal(await startUpload(w, token, "bob.test/app"), 403);
  }],
  ["a token for one repository gives no access to another", async (w) => {
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
  ["other spellings of names give no further rights", async (w) => {
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
  ["a device cannot create, list or revoke other devices", async (w) => {
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
  ["an account cannot revoke devices of another", async (w) => {
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
    "revoking a device revokes its registry and refresh tokens",
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
  ["revoking password logins revokes their tokens", async (w) => {
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
