/** What a token limited to one repository, and other accounts, can learn about a private hold. */

import assert from "node:assert/strict";
import { z } from "zod";
import { imageManifest, randomBlob } from "../support/oci.ts";
import {
  type Answer,
  expect,
  expectError,
  jsonOf,
  repositoriesOf,
  Repository,
  textOf,
} from "../support/registry.ts";
import { tokenFor } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { assertUnchanged, settledState } from "../support/state.ts";

const server = sharedServer({
  env: { HOLD_PUBLIC: "false", HOLD_ALLOW_ALL_CREW: "false" },
});
const alices = repositoriesOf(server, "alice");
const catalog = z.object({ repositories: z.array(z.string()) });
const scope = (name: string) => `repository:alice.test/${name}:pull,push`;
const alicesToken = (...names: string[]) =>
  tokenFor(server(), server().alice, ...names.map(scope));

Deno.test("a token for one repository gives no access to blobs of another, by mount or by manifest", async () => {
  const secret = randomBlob(700);
  await alices("secret").pushBlob(secret);
  const token = await alicesToken("app");
  const send = (method: string, path: string) =>
    alices("app").send(method, path, { token });
  for (const from of ["", "&from=alice.test/secret"]) {
    const mount = `blobs/uploads/?mount=${secret.digest}${from}`;
    expect(await send("POST", mount), 202);
    expectError(
      await send("GET", `blobs/${secret.digest}`),
      404,
      "BLOB_UNKNOWN",
    );
  }
  const config = randomBlob(100);
  await alices("app").pushBlob(config);
  for (
    const image of [imageManifest(config, [secret]), imageManifest(secret, [])]
  ) {
    const put = await alices("app").send("PUT", "manifests/x", {
      token,
      headers: { "content-type": image.mediaType },
      body: image.bytes,
    });
    expectError(put, 404, "MANIFEST_BLOB_UNKNOWN");
    expectError(
      await send("GET", `blobs/${secret.digest}`),
      404,
      "BLOB_UNKNOWN",
    );
  }
});

Deno.test("a token for both repositories mounts, with and without naming the source", async () => {
  const blob = randomBlob(700);
  await alices("source").pushBlob(blob);
  const token = await alicesToken("source", "target", "another");
  for (
    const [name, from] of [["target", ""], [
      "another",
      "&from=alice.test/source",
    ]] as const
  ) {
    const mount = `blobs/uploads/?mount=${blob.digest}${from}`;
    expect(await alices(name).send("POST", mount, { token }), 201);
    const get = await alices(name).send("GET", `blobs/${blob.digest}`);
    assert.deepEqual(expect(get, 200).bytes, blob.bytes);
  }
});

Deno.test("a manifest of another account at a private hold reveals nothing about its blobs and leaves no trace", async () => {
  const there = randomBlob(700);
  await alices("secret").pushBlob(there);
  const before = await settledState(server());
  const bobs = new Repository(server(), server().bob, "bob.test/probe");
  const answers: Answer[] = [];
  for (const blob of [there, randomBlob(700)]) {
    answers.push(await bobs.putManifest(imageManifest(blob, []), "x"));
  }
  for (const answer of answers) {
    assert.match(expectError(answer, 403, "DENIED").message, /not crew/);
  }
  assert.equal(new Set(answers.map(textOf)).size, 1);
  await assertUnchanged(server(), before);
  const catalog = `${server().origin}/v2/_catalog`;
  const list = expect(await alices("secret").send("GET", catalog), 200);
  assert.doesNotMatch(JSON.stringify(jsonOf(list)), /bob\.test/);
});

Deno.test("the catalog lists private repositories only for tokens that include them", async () => {
  for (const name of ["listed/a", "listed/b"]) {
    await alices(name).pushImage("x");
  }
  const url = `${server().origin}/v2/_catalog`;
  const seen = async (token: string) => {
    const list = expect(await alices("x").send("GET", url, { token }), 200);
    return catalog.parse(jsonOf(list)).repositories
      .filter((name) => name.includes("listed/"));
  };
  const { alice, bob } = server();
  const one = await alicesToken("listed/a");
  assert.deepEqual(await seen(one), ["alice.test/listed/a"]);
  assert.deepEqual(await seen(await tokenFor(server(), alice)), []);
  const all = "registry:catalog:*";
  assert.deepEqual(
    await seen(await tokenFor(server(), alice, all)),
    ["alice.test/listed/a", "alice.test/listed/b"],
  );
  for (const account of [bob, undefined]) {
    assert.deepEqual(await seen(await tokenFor(server(), account, all)), []);
  }
});

Deno.test("for others a private repository is indistinguishable from a missing one", async () => {
  const image = await alices("there").pushImage("x");
  const { bob } = server();
  const { digest } = randomBlob(10);
  const paths = [
    "tags/list",
    "manifests/x",
    `manifests/${image.digest}`,
    `manifests/${digest}`,
    `blobs/${digest}`,
    `referrers/${image.digest}`,
  ];
  for (const account of [bob, undefined]) {
    for (const path of paths) {
      const answers = await Promise.all(
        ["there", "nothing"].map(async (name) => {
          const repository = new Repository(
            server(),
            account,
            `alice.test/${name}`,
          );
          const { status, bytes } = await repository.send("GET", path);
          return [status, new TextDecoder().decode(bytes)];
        }),
      );
      assert.deepEqual(answers[0], answers[1], path);
      assert.equal(answers[0]?.[0], account ? 403 : 401);
    }
  }
  // The same holds for a token for another repository of the same owner.
  const token = await alicesToken("app");
  for (const name of ["there", "nothing"]) {
    const list = await alices(name).send("GET", "tags/list", { token });
    expectError(list, 403, "DENIED");
  }
  const own = await alices("nothing").send("GET", "tags/list");
  expectError(own, 404, "NAME_UNKNOWN");
});
