/** The token endpoint, as clients of every kind use it. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { z } from "zod";
import { imageIndex } from "../support/oci.ts";
import {
  type Answer,
  call,
  expect,
  expectError,
  header,
  jsonOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const issued = z.strictObject({
  token: z.string(),
  access_token: z.string(),
  expires_in: z.int().min(60),
  issued_at: z.iso.datetime(),
  refresh_token: z.string().optional(),
});

function ask(
  query: string,
  username?: string,
  password = server().alice.appPassword,
): Promise<Answer> {
  const pair = Buffer.from(`${username}:${password}`).toString("base64");
  return call(`${server().origin}/auth/token${query}`, "GET", {
    headers: username === undefined ? {} : { authorization: `Basic ${pair}` },
  });
}

function post(form: Record<string, string>): Promise<Answer> {
  return call(`${server().origin}/auth/token`, "POST", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
}

function tokenOf(answer: Answer) {
  const parsed = issued.parse(jsonOf(expect(answer, 200)));
  assert.equal(parsed.token, parsed.access_token);
  assert.equal(header(answer, "cache-control"), "no-store");
  return parsed;
}

const PUSH = "repository:alice.test/app:pull,push";

/** Whether the token allows pushes to a repository of alice. */
async function pushes(token: string, name = "app"): Promise<boolean> {
  const alices = new Repository(server(), undefined, `alice.test/${name}`);
  const { mediaType, bytes } = imageIndex([]);
  const put = await alices.send("PUT", "manifests/x", {
    token,
    headers: { "content-type": mediaType },
    body: bytes,
  });
  return put.status === 201;
}

Deno.test("login works with handle and DID in all spellings", async () => {
  const { did } = server().alice;
  const safe = did.replaceAll(":", "-");
  for (const name of ["alice.test", "ALICE.TEST", "@alice.test", did, safe]) {
    const { token } = tokenOf(await ask(`?scope=${PUSH}`, name));
    assert.ok(await pushes(token), name);
  }
});

Deno.test("the account password is refused with the way to an app password", async () => {
  const { handle } = server().bob;
  const password = "bob-password";
  const refused = await ask(`?scope=${PUSH}`, handle, password);
  const { message } = expectError(refused, 401, "UNAUTHORIZED");
  assert.match(message, /password of the account bob\.test itself/);
  assert.match(message, /app password/);
  const { appPassword } = server().bob;
  tokenOf(await ask(`?scope=${PUSH}`, handle, appPassword));
});

Deno.test("a token allows what was requested and nothing more", async () => {
  const read = await ask("?scope=repository:alice.test/app:pull", "alice.test");
  assert.ok(!await pushes(tokenOf(read).token));
  const other = await ask(
    "?scope=repository:alice.test/other:pull,push",
    "alice.test",
  );
  assert.ok(!await pushes(tokenOf(other).token));
  const none = await ask("", "alice.test");
  assert.ok(!await pushes(tokenOf(none).token));
});

Deno.test("several scopes may be in one parameter or in several", async () => {
  const other = "repository:alice.test/other:push";
  for (
    const query of [
      `?scope=${PUSH}&scope=${other}`,
      `?scope=${PUSH}%20${other}`,
    ]
  ) {
    const { token } = tokenOf(await ask(query, "alice.test"));
    assert.ok(await pushes(token));
    assert.ok(await pushes(token, "other"));
  }
});

Deno.test("scopes that may not be granted are omitted without an error", async () => {
  const { token } = tokenOf(await ask(`?scope=${PUSH}`));
  assert.ok(!await pushes(token));
  for (
    const scope of [
      "repository:bob.test/app:push",
      "repository:nobody.test/app:pull",
      "repository:NOT A NAME:pull",
      "registry:catalog:*",
      "nonsense",
    ]
  ) {
    const query = `?scope=${encodeURIComponent(scope)}`;
    assert.ok(!await pushes(tokenOf(await ask(query, "alice.test")).token));
  }
});

Deno.test("a form with the password returns a token, and a refresh token if requested", async () => {
  const login = {
    grant_type: "password",
    username: "alice.test",
    password: server().alice.appPassword,
    client_id: "test",
    service: server().host,
    scope: PUSH,
  };
  const short = tokenOf(await post(login));
  assert.equal(short.refresh_token, undefined);
  assert.ok(await pushes(short.token));
  const long = tokenOf(await post({ ...login, access_type: "offline" }));
  assert.ok(long.refresh_token);
  const refreshed = tokenOf(
    await post({
      grant_type: "refresh_token",
      refresh_token: long.refresh_token,
      client_id: "test",
      service: server().host,
      scope: PUSH,
    }),
  );
  assert.ok(await pushes(refreshed.token));
  // Neither can stand in for the other.
  assert.ok(!await pushes(long.refresh_token));
  const mixed = await post({
    grant_type: "refresh_token",
    refresh_token: long.token,
  });
  expectError(mixed, 401, "UNAUTHORIZED");
  const offline = await ask(`?offline_token=true&scope=${PUSH}`, "alice.test");
  assert.ok(tokenOf(offline).refresh_token);
});

Deno.test("forms that are incomplete, wrong or too large are refused", async () => {
  const { alice } = server();
  expectError(await post({}), 400, "UNSUPPORTED");
  expectError(await post({ grant_type: "magic" }), 400, "UNSUPPORTED");
  const half = await post({ grant_type: "password", username: alice.handle });
  const { message } = expectError(half, 400, "UNSUPPORTED");
  assert.match(message, /password is missing/);
  const wrong = { grant_type: "password", username: alice.handle };
  expectError(await post({ ...wrong, password: "x" }), 401, "UNAUTHORIZED");
  expectError(await post({ scope: "x".repeat(100_000) }), 413, "SIZE_INVALID");
  const many = "?" + "scope=repository:alice.test/a:pull&".repeat(150);
  expectError(await ask(many, alice.handle), 400, "UNSUPPORTED");
});

Deno.test("tokens are requested with GET or POST only", async () => {
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const answer = await call(`${server().origin}/auth/token`, method);
    expectError(answer, 405, "UNSUPPORTED");
  }
});

Deno.test("guesses of passwords are rate limited, valid logins are not", async () => {
  const { bob } = server();
  let refused: Answer | undefined;
  for (let guess = 0; guess < 15 && !refused; guess++) {
    // Unknown names cause no request to the PDS.
    const answer = await ask("", "nobody.test", `guess-${guess}`);
    if (answer.status === 429) refused = answer;
  }
  assert.ok(refused, "nobody was stopped");
  expectError(refused, 429, "TOOMANYREQUESTS");
  assert.ok(Number(header(refused, "retry-after")) > 0);
  expect(await ask("", bob.handle, bob.appPassword), 200);
});
