import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Did } from "../../lib/did.ts";
import { type SealedValue, SecretBox } from "../../lib/crypto/secret_box.ts";
import { clientKeysKey, oauthSessionKey } from "../../lib/auth/kv_keys.ts";
import { SessionStore } from "../../lib/auth/oauth/stores.ts";
import { isAppError } from "../../lib/errors.ts";
import { type AuthApp, SECRET, startAuthApp } from "../support/auth_app.ts";
import { consent } from "../support/consent.ts";
import { freePort } from "../tools/ports.ts";
import { startTestSandbox } from "../support/sandbox.ts";

const ROTATE_AFTER_MS = 90 * 86_400_000;

const BASE = "https://registry.atcr.internal";

/** Serves the app where the PDS fetches its documents. */
function serveDocuments(port: number, app: () => AuthApp) {
  return Deno.serve(
    { port, hostname: "127.0.0.1", onListen: () => {} },
    (request) => app().fetch(request),
  );
}

Deno.test("alice signs in on a laptop, acts at her PDS and signs out there as well", async (t) => {
  await using sandbox = await startTestSandbox();
  await using app = await startAuthApp(sandbox);
  const alice = sandbox.alice.did as Did;
  const browser = app.browser();

  await t.step("the redirect to the PDS contains little", async () => {
    const url = await browser.begin("@Alice.test ", "/settings/sessions");
    assert.equal(url.origin, sandbox.pds);
    assert.deepEqual([...url.searchParams.keys()].sort(), [
      "client_id",
      "request_uri",
    ]);
  });
  await t.step("it returns signed in, at the requested page", async () => {
    const response = await browser.signIn(sandbox.alice, "/settings/sessions");
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/settings/sessions");
    const page = await (await browser.get("/settings/sessions")).text();
    assert.match(page, /alice\.test/);
    assert.match(page, /TestBrowser/);
    assert.doesNotMatch(page, /TestBrowser\/1\.0/, "its name, not the header");
  });
  await t.step("the tokens allow what pushes need", async () => {
    const session = await app.ctx.auth.session(alice);
    assert.ok(session);
    await session.uploadBlob(new Uint8Array([1]), "application/json");
    await session.putRecord("io.atcr.sailor.profile", "self", {
      $type: "io.atcr.sailor.profile",
      createdAt: new Date().toISOString(),
    });
    const token = await session.serviceToken(
      "did:web:hold.example",
      "io.atcr.hold.initiateUpload",
    );
    assert.ok(token.length > 100);
  });
  await t.step("and no more", async () => {
    const session = await app.ctx.auth.session(alice);
    await assert.rejects(
      async () =>
        await session?.putRecord("app.bsky.feed.post", "self", {
          $type: "app.bsky.feed.post",
          text: "hello",
          createdAt: new Date().toISOString(),
        }),
      /does not allow/,
    );
  });
  await t.step("the handle is offered at the next sign-in", async () => {
    const page = await (await browser.get("/auth/login")).text();
    assert.match(page, /value="alice\.test"/);
  });
  await t.step("signing out ends the session here and at the PDS", async () => {
    const key = oauthSessionKey(alice);
    const tokens = await app.ctx.kv.get(key);
    const csrf = await browser.csrf();
    const response = await browser.post("/auth/logout", { csrf });
    assert.equal(response.status, 303);
    assert.equal((await browser.get("/settings/devices")).status, 303);
    assert.equal(await app.ctx.auth.session(alice), undefined);
    // Copies of the tokens are useless.
    await app.ctx.kv.set(key, tokens?.value);
    const stolen = await app.ctx.auth.session(alice);
    await assert.rejects(
      async () => await stolen?.uploadBlob(new Uint8Array([2]), "text/plain"),
      (e) => isAppError(e, "UNAUTHORIZED", "DENIED"),
    );
  });

  await t.step(
    "bob at alice's sign-in gets an error and is not signed in",
    async () => {
      const url = await browser.begin("alice.test");
      const callback = await consent(url, sandbox.bob);
      const response = await browser.get(callback.pathname + callback.search);
      assert.equal(response.status, 403);
      const page = await response.text();
      assert.match(page, /wanted to sign in as alice\.test/);
      assert.match(page, /signed you in as bob\.test/);
      assert.ok(!browser.cookies.has("atcr_session"));
      assert.equal(
        await app.ctx.auth.session(sandbox.bob.did as Did),
        undefined,
      );
    },
  );

  await t.step(
    "with only the address of a PDS any of its accounts may sign in",
    async () => {
      for (const typed of [sandbox.pds, new URL(sandbox.pds).host]) {
        const guest = app.browser();
        const url = await guest.begin(typed);
        const callback = await consent(url, sandbox.bob);
        const response = await guest.get(callback.pathname + callback.search);
        assert.equal(response.status, 303);
        assert.match(await (await guest.get("/")).text(), /bob\.test/);
      }
    },
  );

  await t.step(
    "cancelling ends on a page that says so and links back",
    async () => {
      const url = await browser.begin("alice.test");
      const callback = await consent(url, sandbox.alice, "reject");
      const response = await browser.get(callback.pathname + callback.search);
      assert.equal(response.status, 403);
      const page = await response.text();
      assert.match(page, /You did not allow it/);
      assert.match(page, /href="\/auth\/login"/);
      assert.ok(!browser.cookies.has("atcr_session"));
    },
  );

  await t.step(
    "devices keep the PDS session when the browser signs out",
    async () => {
      await browser.signIn(sandbox.alice);
      const made = await app.ctx.auth.devices.create({
        did: alice,
        name: "laptop",
        kind: "device",
        permissions: [{ pattern: "*", actions: ["pull", "push"] }],
        lifetimeDays: 30,
      });
      await browser.post("/auth/logout", { csrf: await browser.csrf() });
      assert.ok(await app.ctx.auth.session(alice));
      const response = await app.fetch(
        new Request(`${app.origin}/api/devices/self`, {
          method: "DELETE",
          headers: { authorization: `Bearer ${made.secret}` },
        }),
      );
      assert.equal(response.status, 204);
      assert.equal(await app.ctx.auth.session(alice), undefined);
    },
  );
});

Deno.test("a registry with an https address authenticates with a key", async (t) => {
  const port = freePort();
  await using sandbox = await startTestSandbox({
    client: { origin: BASE, at: `http://127.0.0.1:${port}` },
  });
  await using app = await startAuthApp(sandbox, {
    env: { ATCR_SERVER_BASE_URL: BASE, ATCR_SANDBOX: "off" },
  });
  await using _documents = serveDocuments(port, () => app);
  const browser = app.browser();

  await t.step("its documents say so", async () => {
    const metadata = await (await browser.get("/oauth-client-metadata.json"))
      .json();
    assert.equal(metadata.client_id, `${BASE}/oauth-client-metadata.json`);
    assert.equal(metadata.token_endpoint_auth_method, "private_key_jwt");
    const jwks = await browser.get("/oauth/jwks.json");
    assert.equal(jwks.headers.get("access-control-allow-origin"), "*");
    const { keys } = await jwks.json();
    assert.equal(keys.length, 1);
    assert.equal(keys[0].d, undefined);
  });
  await t.step("the PDS accepts them", async () => {
    const response = await browser.signIn(sandbox.alice);
    assert.equal(response.status, 303);
    const [cookie = ""] = response.headers.getSetCookie();
    assert.match(cookie, /^__Host-atcr_session=/);
    assert.match(cookie, /Secure/);
    const session = await app.ctx.auth.session(sandbox.alice.did as Did);
    assert.ok(await session?.uploadBlob(new Uint8Array([1]), "text/plain"));
  });
  await t.step(
    "a new key changes nothing for existing sessions",
    async () => {
      const { kv, clock } = app.ctx;
      const did = sandbox.alice.did as Did;
      const box = new SecretBox(Buffer.from(SECRET, "hex"));
      const row = await kv.get<SealedValue>(clientKeysKey);
      assert.ok(row);
      const [key] = box.open(clientKeysKey, row.value) as {
        createdAt: number;
      }[];
      const old = { ...key, createdAt: clock.now() - ROTATE_AFTER_MS };
      await kv.set(clientKeysKey, box.seal(clientKeysKey, [old]));
      await using later = await startAuthApp(sandbox, {
        kv,
        env: { ATCR_SERVER_BASE_URL: BASE, ATCR_SANDBOX: "off" },
      });
      const jwks = await later.browser().get("/oauth/jwks.json");
      assert.equal((await jwks.json()).keys.length, 2);
      const store = new SessionStore({ kv, clock, box });
      const session = await store.get(did);
      assert.ok(session);
      const expired = new Date(clock.now() - 1000).toISOString();
      await store.set(did, {
        ...session,
        tokenSet: { ...session.tokenSet, expires_at: expired },
      });
      const pds = await later.ctx.auth.session(did);
      assert.ok(await pds?.uploadBlob(new Uint8Array([1]), "text/plain"));
      const fresh = await store.get(did);
      assert.notEqual(
        fresh?.tokenSet.refresh_token,
        session.tokenSet.refresh_token,
      );
    },
  );
});

Deno.test("a push without a PDS session is refused with a message that docker shows", async () => {
  await using sandbox = await startTestSandbox();
  await using app = await startAuthApp(sandbox);
  await app.ctx.hold?.start.settle();
  const did = sandbox.alice.did as Did;
  const { device } = await app.ctx.auth.devices.create({
    did,
    name: "ci",
    kind: "token",
    permissions: [{ pattern: "*", actions: ["pull", "push"] }],
    lifetimeDays: 7,
  });
  const { token } = await app.ctx.auth.tokens.issue(
    { did, credential: { kind: "device", id: device.id } },
    [{ did, repo: "app", actions: ["pull", "push"] }],
  );
  const type = "application/vnd.oci.image.index.v1+json";
  const response = await app.fetch(
    new Request(`${app.origin}/v2/alice.test/app/manifests/1`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      body: JSON.stringify({
        schemaVersion: 2,
        mediaType: type,
        manifests: [],
      }),
    }),
  );
  const { errors: [error] } = await response.json();
  assert.equal(response.status, 403);
  assert.equal(error.code, "DENIED");
  assert.match(error.message, /Sign in on the web page/);
});
