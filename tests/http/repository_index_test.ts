/**
 * What is pushed to the registry, as pages and search see it.
 */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { startAuthApp } from "../support/auth_app.ts";
import { PdsAccount } from "../support/pds.ts";
import { expect, Repository } from "../support/registry.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";

const mayRead = () => Promise.resolve(true);

/** The program in this process, listening. */
async function start() {
  const sandbox = await startTestSandbox();
  const port = freePort();
  const app = await startAuthApp(sandbox, {
    env: {
      ATCR_HOLD_OWNER: sandbox.alice.did,
      ATCR_SERVER_BASE_URL: `http://localhost:${port}`,
    },
  });
  const server = Deno.serve(
    { port, hostname: "127.0.0.1", onListen: () => {} },
    (request) => app.fetch(request),
  );
  const origin = `http://127.0.0.1:${port}`;
  const { index, hold } = app.ctx;
  assert.ok(index && hold);
  await hold.start.settle();
  return {
    ...{ app, index, sandbox },
    did: sandbox.alice.did as Did,
    repository: (name: string) =>
      new Repository(
        { origin },
        sandbox.alice,
        `${sandbox.alice.handle}/${name}`,
      ),
    [Symbol.asyncDispose]: async () => {
      await server.shutdown();
      await app[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a push is found on the next request, and what is deleted is not", async () => {
  await using registry = await start();
  const { index, did } = registry;
  const found = async (q: string) =>
    (await index.search.find({ q }, mayRead)).items.map(({ repo }) => repo);
  const repository = registry.repository("team/web-shop");
  const image = await repository.pushImage("v1", {
    annotations: {
      "org.opencontainers.image.description": "Sells spare parts",
    },
  });
  for (const q of ["shop", "spare", "alice", "we"]) {
    assert.deepEqual(await found(q), ["team/web-shop"], q);
  }
  const { exact } = await index.search.find(
    { q: "alice.test/team/web-shop:v1" },
    mayRead,
  );
  assert.equal(exact?.card.newest?.digest, image.digest);
  assert.equal((await index.cards.newest({}, mayRead)).items.length, 1);
  const second = await repository.pushImage("v2");
  const tags = await index.tags.newest(did, "team/web-shop", {}, mayRead);
  assert.deepEqual(tags.items.map(({ tag, digest }) => [tag, digest]), [
    ["v2", second.digest],
    ["v1", image.digest],
  ]);
  expect(await repository.send("DELETE", `manifests/${second.digest}`), 202);
  expect(await repository.send("DELETE", "manifests/v1"), 202);
  assert.deepEqual(await found("shop"), []);
  assert.equal(
    await index.cards.card(did, "team/web-shop", mayRead),
    undefined,
  );
  const moves = await index.tags.history(
    did,
    "team/web-shop",
    "v1",
    {},
    mayRead,
  )
    .catch(() => undefined);
  assert.equal(moves, undefined);
});

Deno.test("a lost index is made again from the registry and the owners' repos", async () => {
  await using registry = await start();
  const { index, did, app: { ctx: { kv } }, sandbox } = registry;
  await registry.repository("app").pushImage("v1");
  const image = await registry.repository("lib").pushImage("v1");
  // A tag that another program has written.
  const account = new PdsAccount(sandbox.pds, sandbox.alice);
  await account.put("io.atcr.tag", "lib_other", {
    $type: "io.atcr.tag",
    repository: "lib",
    tag: "other",
    manifest: `at://${did}/io.atcr.manifest/${image.digest.slice(7)}`,
    updatedAt: new Date().toISOString(),
  });
  for (
    const kind of ["card", "manifest", "tag", "tag_time", "word", "updated"]
  ) {
    for await (const { key } of kv.list({ prefix: ["index", 1, kind] })) {
      await kv.delete(key);
    }
  }
  assert.deepEqual((await index.search.find({}, mayRead)).items, []);
  const report = await index.rebuild.run({
    restart: false,
    signal: new AbortController().signal,
    progress: () => {},
  });
  // The owner of the repositories, and the hold with its captain and crew.
  assert.equal(report.owners, 2);
  assert.equal(report.unlisted, 0);
  const { items } = await index.search.find({}, mayRead);
  assert.deepEqual(items.map(({ repo }) => repo).sort(), ["app", "lib"]);
  const tags = await index.tags.newest(did, "lib", {}, mayRead);
  assert.deepEqual(tags.items.map(({ tag }) => tag), ["other", "v1"]);
});
