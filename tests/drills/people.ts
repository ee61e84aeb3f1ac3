/**
 * Parts of drills: people in front of a running server, who sign in with a
 * browser, connect a device and look at pictures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { z } from "zod";
import { TestBrowser } from "../support/auth_app.ts";
import type { TestAccount } from "../support/server.ts";

const started = z.object({ device_code: z.string(), user_code: z.string() });
const connected = z.object({ access_token: z.string() });

/**
 * A browser with its own cookies at the server with the base URL `origin`.
 * Signing in on a laptop happens at 127.0.0.1.
 */
export function openBrowser(origin: string): TestBrowser {
  const base = new URL(origin);
  if (base.hostname === "localhost") base.hostname = "127.0.0.1";
  return new TestBrowser(
    base.origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
}

/** Signs in as `account` of the sandbox at its PDS; fails when that does not work. */
export async function signIn(
  origin: string,
  account: TestAccount,
): Promise<TestBrowser> {
  const browser = openBrowser(origin);
  const [name] = account.handle.split(".");
  const password = `${name}-password`;
  const callback = await browser.signIn({ ...account, password });
  assert.equal(callback.status, 303, callback.headers.get("location") ?? "");
  assert.ok(await isSignedIn(browser));
  return browser;
}

/** Whether the browser has a session. */
export async function isSignedIn(browser: TestBrowser): Promise<boolean> {
  const page = await browser.get("/settings/devices");
  await page.body?.cancel();
  return page.status === 200;
}

/** Approves a device for docker; returns the account with the secret of the device as its password. */
export async function connectDevice(
  origin: string,
  browser: TestBrowser,
  account: TestAccount,
): Promise<TestAccount> {
  const post = async (path: string, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields);
    const answer = await fetch(new URL(path, origin), { method: "POST", body });
    const json: unknown = await answer.json();
    assert.ok(answer.ok, JSON.stringify(json));
    return json;
  };
  const { device_code, user_code } = started.parse(
    await post("/auth/device/code", { client_name: "laptop" }),
  );
  const approval = await browser.post("/device", {
    csrf: await browser.csrf(`/device?code=${user_code}`),
    code: user_code,
    decision: "approve",
    days: "30",
  });
  assert.equal(approval.status, 200, await approval.text());
  const { access_token } = connected.parse(
    await post("/auth/device/token", {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      device_code,
    }),
  );
  const { handle, did } = account;
  return { handle, did, appPassword: access_token };
}

/** Reads the picture of `handle` that is `width` pixels wide; returns its bytes. */
export async function avatarBytes(
  origin: string,
  handle: string,
  width: number,
): Promise<number> {
  const answer = await fetch(new URL(`/${handle}?w=${width}`, origin));
  const bytes = new Uint8Array(await answer.arrayBuffer());
  assert.equal(answer.status, 200, new TextDecoder().decode(bytes));
  assert.equal(answer.headers.get("content-type"), "image/webp");
  return bytes.length;
}
