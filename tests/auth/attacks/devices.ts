/**
 * Device authorization (RFC 8628): guessed codes and unauthorised approvals.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Case, EVIL, statusOf, type World } from "./world.ts";

/** Submits the form for a user code: by default an approval for a week, as alice. */
async function decide(
  w: World,
  userCode: string,
  fields: Record<string, string> = {},
  browser = w.alice,
): Promise<Response> {
  return await browser.post("/device", {
    csrf: await w.csrf(),
    code: userCode,
    days: "7",
    decision: "approve",
    ...fields,
  });
}

/** The scope of the secret that an approved device gets. */
async function scopeOf(w: World, deviceCode: string): Promise<string> {
  const { access_token = "" } = await w.poll(deviceCode);
  const answer = await w.bearer("/api/devices/self", access_token);
  return (await answer.json()).scope;
}

/** Cases of devices that ask for a secret. */
export const DEVICES: Case[] = [
  ["a device code returns its secret once", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    await decide(w, user_code);
    assert.equal((await w.poll(device_code)).status, 200);
    assert.equal((await w.poll(device_code)).error, "invalid_grant");
  }],
  ["neither a user code nor any other text is a device code", async (w) => {
    const { user_code } = await w.startDevice();
    for (const wrong of [user_code, "", "A".repeat(43), "x".repeat(10_000)]) {
      assert.equal((await w.poll(wrong)).error, "invalid_grant");
    }
  }],
  ["approval requires a sign-in", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    const response = decide(w, user_code, {}, w.app.browser());
    assert.equal(await statusOf(response), 401);
    assert.equal((await w.poll(device_code)).error, "authorization_pending");
  }],
  ["an approval adds no permissions to the request", async (w) => {
    const { device_code, user_code } = await w.startDevice({
      client_name: "x",
      scope: "repository:app:pull",
    });
    await decide(w, user_code, {
      scope: "repository:*:pull,push,delete",
      permissions: "repository:*:delete",
    });
    assert.equal(await scopeOf(w, device_code), "repository:app:pull");
  }],
  ["a user can withhold push access", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    await decide(w, user_code, { read_only: "yes" });
    assert.equal(await scopeOf(w, device_code), "repository:*:pull");
  }],
  ["no lifetime is longer than a year", async (w) => {
    const { device_code, user_code } = await w.startDevice();
    for (const days of ["367", "99999", "-1", "0", "1e9", ""]) {
      const response = decide(w, user_code, { days });
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
  ["the verification URL is ours, regardless of Host", async (w) => {
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
    await decide(w, user_code, { decision: "deny" });
    await decide(w, user_code);
    assert.equal((await w.poll(device_code)).error, "access_denied");
  }],
];
