/** Sign-in and sign-out in a real browser, and its error pages. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { Did } from "../../lib/did.ts";
import { oauthSessionKey } from "../../lib/auth/kv_keys.ts";
import { isAppError } from "../../lib/errors.ts";
import { type AuthApp, startAuthApp } from "../support/auth_app.ts";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";

const chromium = await findChromium();

/** The page, with everything that its console complained about on our pages. */
function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    if (page.url().startsWith(origin)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return complaints;
}

/** Signs alice in, looks at her session, signs out and proves that it is over. */
async function thereAndBack(
  page: Page,
  origin: string,
  app: AuthApp,
  sandbox: TestSandbox,
): Promise<void> {
  const alice = sandbox.alice.did as Did;
  const complaints = complaintsOf(page, origin);
  await page.goto(`${origin}/`);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("Handle, DID").fill("alice.test");
  await page.getByRole("button", { name: "Continue at your PDS" }).click();
  await page.waitForURL(`${sandbox.pds}/**`);
  await consentInPage(page, sandbox.alice.password);
  await page.waitForURL((url) => url.pathname === "/");
  const nav = page.getByRole("navigation", { name: "Account" });
  assert.match(await nav.innerText(), /alice\.test/);

  await nav.getByText("alice.test").click();
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.waitForURL(`${origin}/settings/sessions`);
  const body = await page.locator("main").innerText();
  assert.match(body, /Chrome/);
  assert.match(body, /this browser/);

  const tokens = await app.ctx.kv.get(oauthSessionKey(alice));
  assert.ok(await app.ctx.auth.session(alice));
  await nav.getByText("alice.test").click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
  assert.equal(await app.ctx.auth.session(alice), undefined);
  await page.goto(`${origin}/settings/sessions`);
  assert.match(page.url(), /\/auth\/login/);

  // The PDS has ended it too: tokens that were kept are worth nothing there.
  await app.ctx.kv.set(oauthSessionKey(alice), tokens?.value);
  const stolen = await app.ctx.auth.session(alice);
  await assert.rejects(
    async () => await stolen?.uploadBlob(new Uint8Array([1]), "text/plain"),
    (e) => isAppError(e, "UNAUTHORIZED", "DENIED"),
  );
  assert.deepEqual(complaints, []);
}

Deno.test({
  name: "alice signs in and out in Chromium, by a public client on a laptop",
  ignore: chromium === undefined,
  fn: async () => {
    const port = freePort();
    await using sandbox = await startTestSandbox();
    await using app = await startAuthApp(sandbox, {
      env: { ATCR_SERVER_BASE_URL: `http://localhost:${port}` },
    });
    await using _server = Deno.serve(
      { port, hostname: "127.0.0.1", onListen: () => {} },
      (request) => app.fetch(request),
    );
    await using browser = await startChromium(chromium ?? "");
    const page = await browser.page();
    // Users type localhost, and are redirected to the origin of their cookies.
    await page.goto(`http://localhost:${port}/auth/login`);
    assert.equal(page.url(), `http://127.0.0.1:${port}/auth/login`);
    await thereAndBack(page, `http://127.0.0.1:${port}`, app, sandbox);
  },
});

Deno.test({
  name: "alice signs in and out in Chromium, by a confidential client",
  ignore: chromium === undefined,
  fn: async () => {
    const origin = "https://registry.atcr.internal";
    const [port, tlsPort] = [freePort(), freePort()];
    await using sandbox = await startTestSandbox({
      client: { origin, at: `http://127.0.0.1:${port}` },
    });
    await using app = await startAuthApp(sandbox, {
      env: { ATCR_SERVER_BASE_URL: origin, ATCR_SANDBOX: "off" },
    });
    const listen = { hostname: "127.0.0.1", onListen: () => {} };
    await using _documents = Deno.serve(
      { ...listen, port },
      (request) => app.fetch(request),
    );
    const testdata = new URL("../../lib/net/testdata/", import.meta.url);
    const read = (name: string) => Deno.readTextFile(new URL(name, testdata));
    await using _pages = Deno.serve({
      ...listen,
      port: tlsPort,
      cert: await read("pinned_example_cert.pem"),
      key: await read("pinned_example_key.pem"),
    }, (request) => app.fetch(request));
    await using browser = await startChromium(chromium ?? "", {
      "registry.atcr.internal:443": `127.0.0.1:${tlsPort}`,
    });
    const page = await browser.page();
    await thereAndBack(page, origin, app, sandbox);
  },
});

Deno.test({
  name: "errors at the PDS end on a page with a link back",
  ignore: chromium === undefined,
  fn: async (t) => {
    const port = freePort();
    const origin = `http://127.0.0.1:${port}`;
    await using sandbox = await startTestSandbox();
    await using app = await startAuthApp(sandbox, {
      env: { ATCR_SERVER_BASE_URL: origin },
    });
    await using _server = Deno.serve(
      { port, hostname: "127.0.0.1", onListen: () => {} },
      (request) => app.fetch(request),
    );
    await using browser = await startChromium(chromium ?? "");
    const page = await browser.page();
    const start = async (identifier: string) => {
      await page.goto(`${origin}/auth/login`);
      await page.getByLabel("Handle, DID").fill(identifier);
      await page.getByRole("button", { name: "Continue" }).click();
    };

    await t.step("an unknown handle", async () => {
      await start("nobody.test");
      assert.match(
        await page.getByRole("alert").innerText(),
        /no account with the handle nobody\.test/,
      );
      assert.equal(
        await page.getByLabel("Handle, DID").inputValue(),
        "nobody.test",
      );
    });
    await t.step("consent denied", async () => {
      await start("alice.test");
      await page.locator('input[type="password"]').fill(
        sandbox.alice.password,
      );
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Deny access" }).click();
      await page.waitForURL(`${origin}/**`);
      assert.match(
        await page.getByRole("alert").innerText(),
        /You did not allow it/,
      );
      await page.getByRole("link", { name: "Sign in again" }).click();
      await page.getByLabel("Handle, DID").waitFor();
    });
    await t.step("a callback that is loaded again", async () => {
      await start("alice.test");
      let callback = "";
      page.on("request", (request) => {
        if (request.url().includes("/auth/oauth/callback")) {
          callback = request.url();
        }
      });
      await consentInPage(page, sandbox.alice.password);
      await page.waitForURL((url) => url.pathname === "/");
      await page.goto(callback);
      assert.match(
        await page.getByRole("alert").innerText(),
        /was used before/,
      );
      // The session created by the first one continues.
      await page.goto(`${origin}/`);
      const nav = page.getByRole("navigation", { name: "Account" });
      assert.match(await nav.innerText(), /alice\.test/);
    });
  },
});
