/** Runs every flow and searches for its secrets where they must not be. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { Did } from "../../lib/did.ts";
import { SecretBox } from "../../lib/crypto/secret_box.ts";
import { ClientKeys } from "../../lib/auth/oauth/client_keys.ts";
import { SessionStore } from "../../lib/auth/oauth/stores.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import {
  type AuthApp,
  SECRET,
  startAuthApp,
  TestBrowser,
} from "../support/auth_app.ts";
import { consent } from "../support/consent.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";

const BASE = "https://registry.atcr.internal";

/** All responses of the app, except those that return secrets on purpose. */
interface Answers {
  readonly urls: string[];
  readonly errors: string[];
}

/** The app, with recorded responses. */
function watched(app: AuthApp): { app: AuthApp; answers: Answers } {
  const answers: Answers = { urls: [], errors: [] };
  const fetch = async (request: Request) => {
    const response = await app.fetch(request);
    const location = response.headers.get("location");
    if (location !== null) answers.urls.push(location);
    if (response.status >= 400) {
      answers.errors.push(await response.clone().text());
    }
    return response;
  };
  return { app: { ...app, fetch }, answers };
}

/** All of the store as text: keys, values, and bytes as text and as base64. */
async function dump(kv: Kv): Promise<{ text: string; entries: number }> {
  const parts: string[] = [];
  let entries = 0;
  for await (const { key, value } of kv.list({ prefix: [] })) {
    entries++;
    parts.push(JSON.stringify([key, value], (_name, part) => {
      if (!(part instanceof Uint8Array)) {
        return typeof part === "bigint" ? String(part) : part;
      }
      const bytes = Buffer.from(part);
      return [bytes.toString("latin1"), bytes.toString("base64")];
    }));
  }
  return { text: parts.join("\n"), entries };
}

/** The forms in which a secret could be stored. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
  ];
}

const issuedBody = z.object({ token: z.string(), refresh_token: z.string() });
const codeBody = z.object({ device_code: z.string(), user_code: z.string() });
const secretBody = z.object({ access_token: z.string() });

Deno.test("no secret is in logs, in plain text in the store, on error pages or in URLs", async () => {
  const port = freePort();
  await using sandbox = await startTestSandbox({
    client: { origin: BASE, at: `http://127.0.0.1:${port}` },
  });
  await using started = await startAuthApp(sandbox, {
    env: { ATCR_SERVER_BASE_URL: BASE, ATCR_SANDBOX: "off" },
  });
  const { app, answers } = watched(started);
  await using _documents = Deno.serve(
    { port, hostname: "127.0.0.1", onListen: () => {} },
    (request) => started.fetch(request),
  );
  const { alice } = sandbox;
  const did = alice.did as Did;
  const { kv } = app.ctx;
  const secrets = new Map<string, string>([
    ["account password", alice.password],
    ["app password", alice.appPassword],
    ["secret key", SECRET],
  ]);
  const request = (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(new URL(path, app.origin), init));

  // Signing in, with a replayed and a foreign callback.
  const browser = new TestBrowser(app.origin, app.fetch);
  const callback = await consent(await browser.begin("alice.test"), alice);
  const path = callback.pathname + callback.search;
  const stranger = new TestBrowser(app.origin, app.fetch);
  assert.equal((await stranger.get(path)).status, 403);
  secrets.set(
    "sign-in cookie",
    browser.cookies.get("__Host-atcr_sign_in") ?? "",
  );
  assert.equal((await browser.get(path)).status, 303);
  assert.equal((await browser.get(path)).status, 400);
  secrets.set(
    "session cookie",
    browser.cookies.get("__Host-atcr_session") ?? "",
  );
  secrets.set("authorization code", callback.searchParams.get("code") ?? "");
  const csrf = await browser.csrf();
  secrets.set("csrf token", csrf);
  assert.equal(
    (await browser.post("/settings/devices/revoke", { csrf: "wrong", id: "x" }))
      .status,
    403,
  );

  // Tokens from the PDS, and our own keys.
  const box = new SecretBox(Buffer.from(SECRET, "hex"));
  const { clock } = app.ctx;
  const session = await new SessionStore({ kv, clock, box }).get(did);
  secrets.set("PDS access token", session?.tokenSet.access_token ?? "");
  secrets.set("PDS refresh token", session?.tokenSet.refresh_token ?? "");
  secrets.set(
    "DPoP key",
    z.string().parse(Reflect.get(session?.dpopJwk ?? {}, "d")),
  );
  const { keys: [key] } = await new ClientKeys({ kv, clock, box }).load();
  secrets.set("client key", key?.d ?? "");

  // A device, with wrong polls.
  const form = (fields: Record<string, string>) => ({
    method: "POST",
    body: new URLSearchParams(fields),
  });
  const code = codeBody.parse(
    await (await request("/auth/device/code", form({ client_name: "x" })))
      .json(),
  );
  secrets.set("device code", code.device_code);
  const poll = () =>
    request(
      "/auth/device/token",
      form({
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        device_code: code.device_code,
      }),
    );
  assert.equal((await poll()).status, 400);
  await browser.get(`/device?code=${code.user_code}`);
  await browser.post("/device", {
    csrf,
    code: code.user_code,
    days: "7",
    decision: "approve",
  });
  const device = secretBody.parse(await (await poll()).json());
  secrets.set("device secret", device.access_token);
  assert.equal((await poll()).status, 400);

  // An access token from the settings.
  const made = await browser.post("/settings/devices/tokens", {
    csrf,
    name: "ci",
    repositories: "*",
    access: "push",
    days: "7",
  });
  const html = await made.text();
  secrets.set(
    "access token",
    /data-secret[^>]*>([^<]+)</.exec(html)?.[1] ?? "",
  );

  // Registry tokens: by device, by app password, by refresh token, and wrong ones.
  const basic = (password: string) => ({
    headers: {
      authorization: `Basic ${
        Buffer.from(`alice.test:${password}`).toString("base64")
      }`,
    },
  });
  const token =
    "/auth/token?offline_token=true&scope=repository:alice.test/a:push";
  for (const password of [device.access_token, alice.appPassword]) {
    const issued = issuedBody.parse(
      await (await request(token, basic(password))).json(),
    );
    secrets.set(`registry token ${password.slice(0, 5)}`, issued.token);
    secrets.set(`refresh token ${password.slice(0, 5)}`, issued.refresh_token);
    const refreshed = await request(
      "/auth/token",
      form({
        grant_type: "refresh_token",
        refresh_token: issued.refresh_token,
        service: "x",
      }),
    );
    assert.equal(refreshed.status, 200);
    const bad = await request("/v2/", {
      headers: { authorization: `Bearer ${issued.token}x` },
    });
    assert.equal(bad.status, 401);
  }
  secrets.set("wrong password", "wrong-password-of-alice");
  assert.equal(
    (await request(token, basic("wrong-password-of-alice"))).status,
    401,
  );
  assert.equal(
    (await request(token, basic(`${device.access_token}x`))).status,
    401,
  );
  await request("/auth/token", form({ grant_type: "password", password: "p" }));
  await request("/api/devices/self", {
    headers: { authorization: `Bearer ${device.access_token}` },
  });
  // The PDS becomes unavailable while it is needed, and while it must be notified.
  const pds = await app.ctx.auth.session(did);
  await sandbox.stop();
  secrets.set("password for nobody", "password-while-away");
  const away = await request(token, basic("password-while-away"));
  assert.ok(away.status >= 500, `status ${away.status}`);
  await assert.rejects(
    async () => await pds?.uploadBlob(new Uint8Array([1]), "text/plain"),
  );
  await assert.rejects(browser.begin("bob.test"));
  await browser.post("/auth/logout", { csrf });
  await app.ctx.auth.signIn.settled();

  for (const [name, secret] of secrets) {
    assert.ok(secret.length >= 8, `the ${name} is not known`);
  }
  const store = await dump(kv);
  assert.ok(store.entries > 10, "the store is empty");
  const places: Record<string, string> = {
    log: app.log.join("\n"),
    store: store.text,
    "error pages": answers.errors.join("\n"),
    addresses: answers.urls.join("\n"),
  };
  assert.ok(answers.errors.length > 5 && answers.urls.length >= 3);
  // Public values are found, so the search works.
  assert.ok(places.log?.includes(did) && places.store?.includes(did));
  const found = [...secrets].flatMap(([name, secret]) =>
    Object.entries(places).flatMap(([place, text]) =>
      forms(secret).some((form) => text.includes(form))
        ? [`${name} in ${place}`]
        : []
    )
  );
  assert.deepEqual(found, []);
});
