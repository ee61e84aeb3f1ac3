/** A private hold: others are refused clearly, its captain and crew are not. */

import assert from "node:assert/strict";
import { randomBlob } from "../support/oci.ts";
import {
  expect,
  expectError,
  header,
  jsonOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { assertUnchanged, settledState } from "../support/state.ts";

const server = sharedServer({
  env: { HOLD_PUBLIC: "false", HOLD_ALLOW_ALL_CREW: "false" },
});
const NAME = "alice.test/secret";
const alices = () => new Repository(server(), server().alice, NAME);

async function pushed() {
  const blob = randomBlob(500);
  await alices().pushBlob(blob);
  const image = await alices().pushImage("v1");
  const paths = [
    "manifests/v1",
    `manifests/${image.digest}`,
    `blobs/${blob.digest}`,
    "tags/list",
    `referrers/${image.digest}`,
  ];
  return { blob, image, paths };
}

Deno.test("without login nothing is readable, and the error says what to do", async () => {
  const { paths } = await pushed();
  const stranger = new Repository(server(), undefined, NAME);
  for (const token of [undefined, await stranger.token()]) {
    for (const path of paths) {
      const get = await stranger.send("GET", path, { token });
      const { message } = expectError(get, 401, "UNAUTHORIZED");
      assert.match(message, /private/);
      assert.match(message, /sign in/i);
      assert.match(
        header(get, "www-authenticate"),
        /^Bearer realm="[^"]+",service="[^"]+",scope="repository:alice\.test\/secret:pull"/,
      );
      const head = await stranger.send("HEAD", path, { token });
      assert.equal(head.status, 401);
    }
  }
});

Deno.test("the captain reads and writes", async () => {
  const { paths } = await pushed();
  for (const path of paths) expect(await alices().send("GET", path), 200);
});

Deno.test("an account outside of the crew is refused by name, and may not push either", async () => {
  const { blob, paths } = await pushed();
  const { bob } = server();
  const before = await settledState(server());
  const reader = new Repository(server(), bob, NAME);
  for (const path of paths) {
    const { message } = expectError(
      await reader.send("GET", path),
      403,
      "DENIED",
    );
    assert.match(message, /not crew/);
    assert.ok(message.includes(bob.did), message);
  }
  const own = new Repository(server(), bob, "bob.test/app");
  const post = await own.send("POST", "blobs/uploads/");
  assert.match(expectError(post, 403, "DENIED").message, /not crew/);
  const mount = `blobs/uploads/?mount=${blob.digest}`;
  for (const query of [mount, `${mount}&from=${NAME}`]) {
    expectError(await own.send("POST", query), 403, "DENIED");
  }
  await assertUnchanged(server(), before);
});

Deno.test("the catalog lists what the caller may read", async () => {
  await pushed();
  const { origin, alice, bob } = server();
  const seen = async (repository: Repository) =>
    jsonOf(expect(await repository.send("GET", `${origin}/v2/_catalog`), 200));
  assert.deepEqual(await seen(alices()), { repositories: [NAME] });
  const others = [
    new Repository(server(), bob, "bob.test/app"),
    new Repository(server(), undefined, NAME),
  ];
  for (const other of others) {
    assert.deepEqual(await seen(other), { repositories: [] });
  }
  const named = new Repository(server(), alice, `${alice.did}/secret`);
  expect(await named.send("GET", "manifests/v1"), 200);
});

Deno.test("for others an existing blob is indistinguishable from a missing one", async () => {
  const { blob } = await pushed();
  const stranger = new Repository(server(), undefined, NAME);
  const there = await stranger.send("GET", `blobs/${blob.digest}`);
  const absent = await stranger.send("GET", `blobs/${randomBlob(9).digest}`);
  assert.equal(there.status, absent.status);
  assert.deepEqual(jsonOf(there), jsonOf(absent));
});
