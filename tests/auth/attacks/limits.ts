/**
 * Guessing and too many requests. These exhaust the limits and run last.
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
  [
    "parallel wrong passwords get no more attempts than sequential ones",
    async (w) => {
      const guesses = Array.from(
        { length: 100 },
        (_, i) => statusOf(w.token(`wrong-${i}`, PUSH, w.sandbox.alice.did)),
      );
      const statuses = await Promise.all(guesses);
      const checked = statuses.filter((status) => status !== 429);
      assert.ok(checked.length > 0 && checked.length <= 10, `${checked}`);
      assert.ok(checked.every((status) => status === 401), `${checked}`);
    },
  ],
  ["a known password still works", async (w) => {
    // Others at the same address exhaust its limit.
    const others = Array.from(
      { length: 100 },
      (_, i) => statusOf(w.token("wrong", PUSH, `nobody-${i}.test`)),
    );
    assert.ok((await Promise.all(others)).includes(429));
    const { handle, appPassword } = w.sandbox.alice;
    assert.equal(await statusOf(w.token(appPassword, PUSH, handle)), 200);
    const unknown = w.token("abcd-efgh-ijkl-mnop", PUSH, handle);
    assert.equal(await statusOf(unknown), 429);
  }],
  ["guessing user codes in parallel is limited", async (w) => {
    const { user_code } = await w.startDevice();
    const letters = "BCDFGHJKLMNPQRSTVWXZ";
    const guesses = Array.from(
      { length: 100 },
      (_, i) => `BCDF-GH${letters[i % 20]}${letters[Math.floor(i / 20)]}`,
    ).filter((code) => code !== user_code);
    const statuses = await Promise.all(
      guesses.map((code) => statusOf(w.alice.get(`/device?code=${code}`))),
    );
    const tried = statuses.filter((status) => status !== 429);
    assert.ok(tried.length <= 10, `${tried}`);
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
