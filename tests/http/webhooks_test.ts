/** Webhooks: created by an owner in the browser, called on pushes and deletes. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { TestBrowser } from "../support/auth_app.ts";
import { holdDid, signIn } from "../support/hold.ts";
import { expect, Repository } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { freePort, freePorts } from "../tools/ports.ts";

const RECEIVER = `http://127.0.0.1:${freePort()}`;
const [port = 0, pdsPort = 0, plcPort = 0] = freePorts(3);
// The PDS gives tokens for names, not for addresses.
const HOLD = `http://localhost:${port}`;
const server = sharedServer({
  ports: [port, pdsPort, plcPort],
  env: {
    ATCR_WEBHOOKS_ALLOWED_ORIGINS: RECEIVER,
    ATCR_HOLD_PUBLIC_URL: HOLD,
  },
});
const ROOT = "/api/v1/webhooks";

interface Received {
  readonly headers: Headers;
  readonly body: string;
}

/** A receiver that records its requests. */
function listen(answer: () => Response = () => new Response("thanks")) {
  const received: Received[] = [];
  const { hostname, port } = new URL(RECEIVER);
  const listener = Deno.serve(
    { hostname, port: Number(port), onListen: () => {} },
    async (request) => {
      const { headers } = request;
      received.push({ headers, body: await request.text() });
      return answer();
    },
  );
  return {
    received,
    [Symbol.asyncDispose]: () => listener.shutdown(),
  };
}

async function signedIn(handle: "alice" | "bob") {
  const browser = new TestBrowser(
    server().origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
  const account = { ...server()[handle], password: `${handle}-password` };
  assert.equal((await browser.signIn(account)).status, 303);
  const token = await browser.csrf();
  /** A call like that of a page's script. */
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await browser.send(path, {
      method,
      headers: {
        "sec-fetch-site": "same-origin",
        "x-csrf-token": token,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  return { call };
}

Deno.test("a push and a delete call the owner's webhook, signed", async () => {
  await using receiver = listen();
  const { received } = receiver;
  const { call } = await signedIn("alice");
  const made = await call("POST", ROOT, {
    url: `${RECEIVER}/hook`,
    secret: "the key",
    triggers: ["push", "delete"],
    repository: "app",
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  assert.doesNotMatch(JSON.stringify(made.body), /the key/);

  const app = new Repository(server(), server().alice, "alice.test/app");
  const other = new Repository(server(), server().alice, "alice.test/other");
  await other.pushImage("v1");
  const first = await app.pushImage("v1");
  await until(() => received.length >= 1);
  const second = await app.pushImage("v1");
  await until(() => received.length >= 2);
  expect(await app.send("DELETE", "manifests/v1"), 202);
  await until(() => received.length >= 3);

  const bodies = received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(bodies.map(({ trigger }) => trigger), [
    "push",
    "push",
    "delete",
  ]);
  const { push_data, repository, hold } = bodies[1];
  assert.equal(push_data.pusher, "alice.test");
  assert.equal(push_data.pusher_did, server().alice.did);
  assert.equal(push_data.tag, "v1");
  assert.equal(push_data.digest, second.digest);
  assert.equal(push_data.previous_digest, first.digest);
  assert.equal(repository.name, "alice.test/app");
  assert.deepEqual([repository.star_count, repository.pull_count], [0, 0]);
  assert.match(hold.did, /^did:web:/);
  assert.equal(bodies[2].delete_data.tag, "v1");
  for (const { headers, body } of received) {
    const hmac = createHmac("sha256", "the key").update(body).digest("hex");
    assert.equal(headers.get("x-webhook-signature-256"), `sha256=${hmac}`);
  }

  const log = await call("GET", `${ROOT}/${id}/deliveries?limit=2`);
  assert.equal(log.body.deliveries.length, 2);
  const [newest] = log.body.deliveries;
  assert.equal(newest.state, "delivered");
  assert.equal(newest.attempts[0].response, "thanks");
  const rest = `${ROOT}/${id}/deliveries?limit=2&cursor=${log.body.cursor}`;
  assert.equal((await call("GET", rest)).body.deliveries.length, 1);
  const one = `${ROOT}/${id}/deliveries/${newest.id}`;
  assert.equal((await call("GET", one)).body.body, received[2]?.body);
  const again = await call("POST", `${one}/redeliver`);
  assert.equal(again.body.state, "delivered");
  assert.equal(received.at(-1)?.body, received[2]?.body);
  assert.equal((await call("DELETE", `${ROOT}/${id}`)).status, 204);
});

Deno.test("a report of a scanner in the hold's repo calls the owner's webhook", async () => {
  await using receiver = listen();
  const { received } = receiver;
  const { call } = await signedIn("alice");
  const made = await call("POST", ROOT, {
    url: RECEIVER,
    triggers: ["scan:first"],
  });
  const app = new Repository(server(), server().alice, "alice.test/scanned");
  const { digest } = await app.pushImage("v1");
  const hex = digest.slice("sha256:".length);
  const { did } = server().alice;
  const hold = holdDid(HOLD);
  const password = "alice-password";
  const token = await signIn(server(), { handle: "alice.test", password });
  const method = "com.atproto.repo.putRecord";
  const written = await fetch(`${server().origin}/xrpc/${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await token(hold, method)}`,
    },
    body: JSON.stringify({
      repo: hold,
      collection: "io.atcr.hold.scan",
      rkey: hex,
      record: {
        $type: "io.atcr.hold.scan",
        manifest: `at://${did}/io.atcr.manifest/${hex}`,
        repository: "scanned",
        userDid: did,
        ...{ critical: 1, high: 2, medium: 0, low: 0, total: 3 },
        scannerVersion: "1.0",
        scannedAt: new Date().toISOString(),
      },
    }),
  });
  assert.equal(written.status, 200, await written.text());
  await until(() => received.length >= 1);
  const body = JSON.parse(received[0]?.body ?? "");
  assert.equal(body.trigger, "scan:first");
  assert.equal(body.manifest.userHandle, "alice.test");
  assert.equal(body.scan.vulnerabilities.high, 2);
  assert.equal((await call("DELETE", `${ROOT}/${made.body.id}`)).status, 204);
});

Deno.test("a webhook can be tested, changed, disabled and deleted", async () => {
  await using receiver = listen(() => new Response("no", { status: 500 }));
  const { call } = await signedIn("alice");
  const made = await call("POST", ROOT, { url: RECEIVER });
  const path = `${ROOT}/${made.body.id}`;
  assert.deepEqual(made.body.triggers, ["push"]);
  const tried = await call("POST", `${path}/test`);
  assert.equal(tried.body.state, "failed");
  assert.equal(tried.body.attempts[0].status, 500);
  assert.equal(receiver.received.length, 1);
  const off = await call("PATCH", path, { enabled: false, secret: "s" });
  assert.equal(off.body.enabled, false);
  assert.equal(off.body.has_secret, true);
  const listed = await call("GET", ROOT);
  assert.deepEqual(listed.body.webhooks, [off.body]);
  assert.equal((await call("DELETE", path)).status, 204);
  assert.equal((await call("GET", path)).status, 404);
});

Deno.test("webhooks are accessible to their owner only, and changed by our own pages only", async () => {
  const alice = await signedIn("alice");
  const made = await alice.call("POST", ROOT, { url: RECEIVER });
  const path = `${ROOT}/${made.body.id}`;
  const bob = await signedIn("bob");
  assert.equal((await bob.call("GET", path)).status, 404);
  assert.equal((await bob.call("DELETE", path)).status, 404);
  const foreign = [
    { "x-csrf-token": "" },
    { "sec-fetch-site": "cross-site" },
  ];
  for (const headers of foreign) {
    for (const [method, where] of [["DELETE", path], ["POST", ROOT]]) {
      const refused = await alice.call(
        method ?? "",
        where ?? "",
        { url: RECEIVER },
        headers,
      );
      assert.equal(refused.status, 403);
    }
  }
  const { origin } = server();
  const nobody = await fetch(`${origin}${ROOT}`);
  assert.equal(nobody.status, 401);
  await nobody.body?.cancel();
  assert.equal((await alice.call("GET", path)).status, 200);
  assert.equal((await alice.call("DELETE", path)).status, 204);
});

Deno.test("invalid requests, and receivers in our own network, are refused", async () => {
  const { call } = await signedIn("alice");
  const wrong = [
    { url: `http://127.0.0.1:${freePort()}/` },
    { url: server().pds },
    { url: server().origin },
    { url: "https://169.254.169.254/latest" },
    { url: RECEIVER, triggers: ["pull"] },
    { url: RECEIVER, triggers: [] },
    { url: RECEIVER, more: 1 },
    { url: 5 },
    {},
  ];
  for (const body of wrong) {
    const refused = await call("POST", ROOT, body);
    assert.equal(refused.status, 400, JSON.stringify(body));
    assert.match(refused.body.message, /^\S+ \S+ \S+/);
  }
  assert.deepEqual((await call("GET", ROOT)).body.webhooks, []);
});
