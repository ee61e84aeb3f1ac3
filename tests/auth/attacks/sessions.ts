/**
 * Attacks on cookies and on the redirect after sign-in.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Case, EVIL, statusOf } from "./world.ts";

/** Cases of redirects that a sign-in must not follow. */
export const REDIRECTS: Case[] = [
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

/** Cases of web sessions and their cookies. */
export const SESSIONS: Case[] = [
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
  ["a cookie is invalid after the sign-out", async ({ app, sandbox }) => {
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
  ["the id of a session on a page does not authenticate it", async (w) => {
    const page = await (await w.alice.get("/settings/sessions")).text();
    const id = /name="id" value="([0-9a-f]+)"/.exec(page)?.[1] ?? "";
    assert.equal(id.length, 16);
    const thief = w.app.browser();
    thief.cookies.set("atcr_session", id);
    assert.equal(await statusOf(thief.get("/settings/devices")), 303);
  }],
  ["an account cannot end sessions of another", async (w) => {
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
