/**
 * Information leaks in pages, headers and responses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { equalText } from "../../../lib/auth/secrets.ts";
import { type AuthApp, startAuthApp } from "../../support/auth_app.ts";
import type { Case } from "./world.ts";

/** Cases of information leaks in pages. */
export const PAGES: Case[] = [
  ["secrets are compared in constant time", () => {
    const secret = "x".repeat(2_000_000);
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
    // A comparison that stops at the first difference would be a thousand times faster.
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
  ["user input is rendered as text", async (w) => {
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
  ["an address in a header is trusted only from a trusted proxy", async (w) => {
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
];
