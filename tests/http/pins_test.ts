/** What an account shows first on its page. */

import assert from "node:assert/strict";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { type InProcess, startInProcess } from "../hold/in_process.ts";
import { csrfIn, signedIn } from "../support/pages.ts";
import { call, Repository, textOf } from "../support/registry.ts";

let program: InProcess;

Deno.test.beforeAll(async () => {
  program = await startInProcess(new MemoryBlobStore());
  const { alice, bob } = program;
  for (const name of ["a", "b/c"]) {
    await new Repository(program, alice, `alice.test/${name}`).pushImage("v1");
  }
  await new Repository(program, bob, "bob.test/tool").pushImage("v1");
});
Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
});

/** Names below the heading of pins, as a stranger sees them. */
async function pinned(): Promise<string[]> {
  const url = new URL("/u/alice.test", program.origin);
  const html = textOf(await call(url, "GET"));
  const [, list = ""] = /<h2 id="pinned">.*?<ul[^>]*>(.*?)<\/ul>/s.exec(html) ??
    [];
  return [...list.matchAll(/class="name" href="\/r\/([^"]+)"/g)]
    .map(([, name = ""]) => name);
}

function form(csrf: string, names: readonly string[], another = "") {
  return new URLSearchParams([
    ["csrf", csrf],
    ["another", another],
    ...names.map((name) => ["repository", name]),
  ]);
}

Deno.test("an account pins repositories, also of others, and everybody sees them in its order", async () => {
  const alice = await signedIn(program, program.alice);
  const csrf = await csrfIn(alice, "/u/alice.test");
  const send = async (names: readonly string[], another?: string) =>
    await alice.send("/u/alice.test/pins", {
      method: "POST",
      body: form(csrf, names, another),
      headers: { origin: program.origin, "sec-fetch-site": "same-origin" },
    });
  assert.deepEqual(await pinned(), []);
  const saved = await send(["alice.test/b/c"], " bob.test/tool ");
  assert.equal(saved.status, 303);
  assert.deepEqual(await pinned(), ["alice.test/b/c", "bob.test/tool"]);
  // What is refused changes nothing, and what was typed stands there again.
  for (
    const [names, another] of [
      [["alice.test/a"], "alice.test/none"],
      [["alice.test/a"], "<b>"],
      [["alice.test/a"], "alice.test/a"],
      [Array.from({ length: 7 }, () => "alice.test/a"), ""],
    ] as const
  ) {
    const refused = await send(names, another);
    assert.ok(refused.status >= 400 && refused.status < 500, another);
    const html = await refused.text();
    assert.match(html, /role="alert"/);
    assert.match(html, /value="alice\.test\/a" checked/);
    assert.doesNotMatch(html, /value="<b>/);
  }
  assert.deepEqual(await pinned(), ["alice.test/b/c", "bob.test/tool"]);
  await send([]);
  assert.deepEqual(await pinned(), []);
});

Deno.test("nobody else pins for an account, and no other site", async () => {
  const alice = await signedIn(program, program.alice);
  const bob = await signedIn(program, program.bob);
  const csrf = await csrfIn(bob, "/settings");
  const headers = {
    origin: program.origin,
    "sec-fetch-site": "same-origin",
  };
  const path = "/u/alice.test/pins";
  const body = () => form(csrf, ["bob.test/tool"]);
  const foreign = await bob.send(path, {
    method: "POST",
    body: body(),
    headers,
  });
  assert.equal(foreign.status, 403);
  const forged = await alice.send(path, {
    method: "POST",
    body: body(),
    headers,
  });
  assert.equal(forged.status, 403);
  assert.doesNotMatch(
    await (await bob.get("/u/alice.test")).text(),
    /action="[^"]*pins"/,
  );
  assert.deepEqual(await pinned(), []);
});
