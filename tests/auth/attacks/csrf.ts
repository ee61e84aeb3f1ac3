/**
 * Requests that another site makes a browser send.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestBrowser } from "../../support/auth_app.ts";
import { type Case, EVIL, statusOf } from "./world.ts";

/** Cases of cross-site requests. */
export const CSRF: Case[] = [
  ["another site cannot start a sign-in", async ({ app }) => {
    const browser = app.browser();
    const response = browser.post("/auth/login", { identifier: "alice.test" }, {
      "sec-fetch-site": "cross-site",
      origin: EVIL,
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["neither can a sibling domain", async ({ app }) => {
    const response = app.browser().post("/auth/login", { identifier: "x" }, {
      "sec-fetch-site": "same-site",
    });
    assert.equal(await statusOf(response), 403);
  }],
  ["old browsers are checked by Origin", async ({ app }) => {
    for (const origin of [EVIL, "null"]) {
      const response = app.browser().send("/auth/login", {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({ identifier: "alice.test" }),
      });
      assert.equal(await statusOf(response), 403, origin);
    }
  }],
  ["a sign-out without a CSRF token does nothing", async ({ alice }) => {
    assert.equal(await statusOf(alice.post("/auth/logout", {})), 403);
    assert.equal(await statusOf(alice.get("/settings/devices")), 200);
  }],
  [
    "the CSRF token of another session is invalid",
    async ({ alice, app, sandbox }) => {
      const other = app.browser();
      await other.signIn(sandbox.bob);
      const csrf = await other.csrf();
      assert.equal(await statusOf(alice.post("/auth/logout", { csrf })), 403);
      await other.post("/auth/logout", { csrf });
    },
  ],
  ["a link cannot sign a user out", async ({ alice }) => {
    assert.equal(await statusOf(alice.get("/auth/logout")), 404);
    assert.equal(await statusOf(alice.get("/settings/devices")), 200);
  }],
  [
    "another site cannot revoke a device, with or without a CSRF token",
    async (w) => {
      const { id, secret } = await w.device();
      const fields = { csrf: await w.csrf(), id };
      const response = w.alice.post("/settings/devices/revoke", fields, {
        "sec-fetch-site": "cross-site",
      });
      assert.equal(await statusOf(response), 403);
      assert.equal(await statusOf(w.bearer("/api/devices/self", secret)), 200);
    },
  ],
  ["another site cannot create a token", async ({ alice }) => {
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
  ["the API requires the CSRF token in a header", async (w) => {
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
  ["the API creates no token for a form of another site", async ({ alice }) => {
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
