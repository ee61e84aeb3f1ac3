/**
 * Guessing, and asking too much. These use the limits up and come last.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Case, PUSH, statusOf } from "./world.ts";

/** Cases of limits. */
export const LIMITS: Case[] = [
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
    const browser = app.browser();
    let last: Response | undefined;
    for (let i = 0; i < 31; i++) {
      last = await browser.post("/auth/login", { identifier: "?" });
      assert.equal(last.status, i < 30 ? 400 : 429);
      assert.equal(/Too many sign-ins/.test(await last.text()), i === 30);
    }
    assert(Number(last?.headers.get("retry-after")) > 0);
  }],
];
