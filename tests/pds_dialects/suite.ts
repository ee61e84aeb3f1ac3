/**
 * Signing in, pushing, pulling and deleting with PDSes of other makes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { imageManifest, randomBlob } from "../support/oci.ts";
import { call, expect, expectError, Repository } from "../support/registry.ts";
import { tokenFor } from "../support/server.ts";
import { sleep } from "../tools/server.ts";
import type { DialectName } from "./dialects.ts";
import { type DialectWorld, startDialects } from "./world.ts";

/** Age up to which the program does not read an account again, with a margin; milliseconds. */
const FRESH_MS = 6_000;

const opened = new AsyncDisposableStack();
let world: DialectWorld;

/** Starts the network for the tests of one file. */
function startOnce(): void {
  Deno.test.beforeAll(async () => {
    world = opened.use(await startDialects());
  });
  Deno.test.afterAll(() => opened.disposeAsync());
}

/** The response to a login with a password. */
function login(did: string, password: string) {
  const basic = btoa(`${did}:${password}`);
  return call(`${world.program.origin}/auth/token`, "GET", {
    headers: { authorization: `Basic ${basic}` },
  });
}

/** A new account, its repo, and its repository here. */
function newOwner(name: DialectName) {
  const made = world.account(name);
  const repository = `${made.account.did.replaceAll(":", "-")}/app`;
  return {
    ...made,
    images: new Repository(world.program, made.account, repository),
  };
}

const keysOf = (records: ReadonlyMap<string, unknown>, collection: string) =>
  [...records.keys()].filter((key) => key.startsWith(`${collection}/`));

/** Declares what must work with every PDS. */
export function testDialects(names: readonly DialectName[]): void {
  startOnce();
  for (const name of names) testDialect(name);
  for (const [name, words] of INACTIVE) testInactive(name, words);
}

function testDialect(name: DialectName): void {
  Deno.test(`${name}: a wrong password is called wrong, a right one opens a session`, async () => {
    const { account } = newOwner(name);
    const { message } = expectError(
      await login(account.did, "wrong"),
      401,
      "UNAUTHORIZED",
    );
    assert.match(message, /^The password for .* is wrong/);
    assert.ok(await tokenFor(world.program, account));
  });

  Deno.test(`${name}: images are pushed, replaced, pulled and deleted`, async () => {
    const { images, repo } = newOwner(name);
    const first = await images.pushImage("v1");
    const second = await images.pushImage("v1");
    expect(await images.putManifest(first, "v2"), 201);
    const tag = expect(await images.send("GET", "manifests/v1"), 200);
    assert.deepEqual(tag.bytes, second.bytes);
    assert.deepEqual(await images.tags(), ["v1", "v2"]);
    assert.equal(keysOf(repo.records, "io.atcr.manifest").length, 2);
    expect(await images.send("DELETE", `manifests/${second.digest}`), 202);
    expect(await images.send("GET", "manifests/v1"), 404);
    expect(await images.send("DELETE", "manifests/v2"), 202);
    assert.deepEqual(keysOf(repo.records, "io.atcr.tag"), []);
  });

  Deno.test(`${name}: records that others changed do not stop a push`, async () => {
    const { images, repo } = newOwner(name);
    const image = await images.pushImage("v1");
    repo.records.clear();
    expect(await images.putManifest(image, "v1"), 201);
    assert.equal(keysOf(repo.records, "io.atcr.manifest").length, 1);
    repo.records.delete(keysOf(repo.records, "io.atcr.tag")[0] ?? "");
    expect(await images.send("DELETE", "manifests/v1"), 202);
    expect(await images.send("GET", "manifests/v1"), 404);
  });

  Deno.test(`${name}: a push whose response got lost at the PDS is acknowledged, and so is its repetition`, async () => {
    const { images, repo } = newOwner(name);
    await images.pushImage("v0");
    for (const how of ["status", "connection"] as const) {
      world.pds(name).loses = how;
      const image = await images.pushImage(how);
      assert.equal(world.pds(name).loses, undefined);
      expect(await images.putManifest(image, how), 201);
      assert.ok(
        repo.records.has(
          `io.atcr.manifest/${image.digest.replace("sha256:", "")}`,
        ),
      );
    }
    assert.deepEqual(await images.tags(), ["connection", "status", "v0"]);
  });

  Deno.test(`${name}: a session is renewed when its token is refused`, async () => {
    const { images } = newOwner(name);
    await images.pushImage("v1");
    world.pds(name).forgetAccess();
    await images.pushImage("v2");
    assert.deepEqual(await images.tags(), ["v1", "v2"]);
  });

  Deno.test(`${name}: an image of many layers gets a record that the PDS takes`, async () => {
    const { images, repo } = newOwner(name);
    const layer = randomBlob(100);
    await images.pushBlob(layer);
    const image = imageManifest(layer, Array(1_500).fill(layer), {
      annotations: { note: "x".repeat(20_000) },
    });
    expect(await images.putManifest(image, "large"), 201);
    const pulled = expect(await images.send("GET", "manifests/large"), 200);
    assert.deepEqual(pulled.bytes, image.bytes);
    const records = [...repo.records.values()];
    assert.ok(records.length >= 2);
  });
}

/** Declares what must work after an account has moved. */
export function testMove(): void {
  Deno.test("moved: an account that moved signs in, and pushes, at its new PDS", async () => {
    const { images, account, repo, move } = newOwner("moved");
    await images.pushImage("v1");
    move("reference");
    // What was read just before is not read again.
    await sleep(FRESH_MS);
    const again = () => {
      const moved = new Repository(world.program, account, images.name);
      return moved.pushImage("v2");
    };
    // The session of the old PDS takes the login, and its refusal of the record
    // shows that the account has moved.
    await assert.rejects(again(), /Your account has moved to another PDS/);
    const second = await again();
    const key = `io.atcr.manifest/${second.digest.replace("sha256:", "")}`;
    assert.ok(repo.records.has(key));
    assert.deepEqual(await images.tags(), ["v1", "v2"]);
  });
}

/** PDSes whose accounts are not active, and what a login says. */
const INACTIVE: readonly (readonly [DialectName, RegExp])[] = [
  ["deactivated", /is deactivated at its PDS/],
  ["takendown", /is taken down at its PDS/],
];

function testInactive(name: DialectName, words: RegExp): void {
  Deno.test(`${name}: a login says what is wrong with the account`, async () => {
    const { account } = newOwner(name);
    const answer = await login(account.did, account.appPassword);
    const { message } = expectError(answer, 401, "UNAUTHORIZED");
    assert.match(message, words);
  });
}
