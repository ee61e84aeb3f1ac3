/** Accounts whose handle changes: images belong to the DID, so nothing is lost. */

import assert from "node:assert/strict";
import { z } from "zod";
import { expect, expectError, Repository } from "../support/registry.ts";
import { createAccount } from "../support/sandbox.ts";
import {
  startServer,
  type TestAccount,
  type TestServer,
} from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

// The network is followed: its events have accounts read while they change.
const server = sharedServer();
const session = z.object({ accessJwt: z.string() });

/** Gives an account another handle at its PDS. */
async function rename(
  { pds }: TestServer,
  account: { handle: string; did: string; password: string },
  handle: string,
): Promise<void> {
  const post = async (method: string, body: unknown, token?: string) => {
    const response = await fetch(`${pds}/xrpc/${method}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, text);
    return text;
  };
  const opened = await post("com.atproto.server.createSession", {
    identifier: account.did,
    password: account.password,
  });
  const { accessJwt } = session.parse(JSON.parse(opened));
  await post("com.atproto.identity.updateHandle", { handle }, accessJwt);
}

Deno.test("after a change the new handle works at once, and the old one while it resolves", async () => {
  const carol = await createAccount(server(), "carol.test");
  const before = new Repository(server(), carol, "carol.test/app");
  const image = await before.pushImage("v1");
  await later();
  await rename(server(), carol, "caroline.test");

  const renamed: TestAccount = { ...carol, handle: "caroline.test" };
  const after = new Repository(server(), renamed, "caroline.test/app");
  const get = await after.send("GET", "manifests/v1");
  assert.deepEqual(expect(get, 200).bytes, image.bytes);
  await after.pushImage("v2");
  assert.deepEqual(await after.tags(), ["v1", "v2"]);
  const byDid = new Repository(server(), renamed, `${carol.did}/app`);
  assert.deepEqual(await byDid.tags(), ["v1", "v2"]);
  for (const name of ["caroline.test/app", "carol.test/app"]) {
    const stranger = new Repository(server(), undefined, name);
    expect(await stranger.send("GET", "manifests/v2"), 200);
  }
  const { origin } = server();
  const catalog = await after.send("GET", `${origin}/v2/_catalog`);
  assert.match(new TextDecoder().decode(catalog.bytes), /caroline\.test\/app/);
});

Deno.test("a handle taken over by another account leads to the new owner", async () => {
  await using server = await startServer({
    env: { ATCR_IDENTITY_CACHE_TTL_SECONDS: "0" },
  });
  const dave = await createAccount(server, "dave.test");
  await new Repository(server, dave, "dave.test/app").pushImage("daves");
  await rename(server, dave, "david.test");
  const erin = await createAccount(server, "erin.test");
  await rename(server, erin, "dave.test");
  const taken = { ...erin, handle: "dave.test" };
  const repository = new Repository(server, taken, "dave.test/app");
  const get = await repository.send("GET", "manifests/daves");
  expectError(get, 404, "MANIFEST_UNKNOWN");
  await repository.pushImage("erins");
  assert.deepEqual(await repository.tags(), ["erins"]);
  const renamed = { ...dave, handle: "david.test" };
  const kept = new Repository(server, renamed, "david.test/app");
  assert.deepEqual(await kept.tags(), ["daves"]);
});

Deno.test("the new holder of a handle can log in and push with it at once, although the former one is cached", async () => {
  const henry = await createAccount(server(), "henry.test");
  await new Repository(server(), henry, "henry.test/app").pushImage("henrys");
  await later();
  await rename(server(), henry, "henry2.test");
  const irene = await createAccount(server(), "irene.test");
  await rename(server(), irene, "henry.test");
  const taken = { ...irene, handle: "henry.test" };
  const repository = new Repository(server(), taken, "henry.test/app");
  await repository.pushImage("irenes");
  assert.deepEqual(await repository.tags(), ["irenes"]);
  const stranger = new Repository(server(), undefined, "henry.test/app");
  expect(await stranger.send("GET", "manifests/irenes"), 200);
  expectError(
    await stranger.send("GET", "manifests/henrys"),
    404,
    "MANIFEST_UNKNOWN",
  );
});

/** Ages the cached identities by some minutes. */
async function later(): Promise<void> {
  const kv = await openKv(`${server().dataDir}/kv.sqlite3`);
  const rows = kv.list<{ checkedAt: number }>({ prefix: ["identity"] });
  for await (const { key, value } of rows) {
    const checkedAt = value.checkedAt - 600_000;
    const expiresAt = Date.now() + 3_600_000;
    await kv.set(key, { ...value, checkedAt }, { expiresAt });
  }
  kv.close();
}
