/** Accounts and stars: what their pages show, who may change what, and where old names lead. */

import assert from "node:assert/strict";
import { PdsAccount } from "../support/pds.ts";
import { call, expect, Repository } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { pageAt, signedIn } from "../support/pages.ts";

const server = sharedServer();
const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;

const page = (path: string, status = 200) => pageAt(server(), path, status);

async function push(name: string): Promise<void> {
  const { alice } = server();
  await new Repository(server(), alice, `alice.test/${name}`).pushImage("v1");
}

Deno.test("a profile shows repositories, activity and what the network says of the person, as text", async () => {
  await push("team/one");
  await push("team/two");
  const { alice, pds } = server();
  await new PdsAccount(pds, alice).put("app.bsky.actor.profile", "self", {
    displayName: `Alice ${EVIL}`,
    description: `Bio ${EVIL}`,
  });
  await until(async () => /Bio &quot;/.test(await page("/u/alice.test")));
  const profile = await page("/u/alice.test");
  assert.match(profile, /<h1[^>]*>Alice &quot;/);
  assert.match(profile, /team\/<wbr\/?>one/);
  assert.match(profile, /team\/<wbr\/?>two/);
  assert.match(profile, /Holds they run/);
  assert.match(profile, /application\/atom\+xml/);
  for (const view of ["", "/stars", "/activity", "?q=two"]) {
    const html = await page(`/u/alice.test${view}`);
    assert.doesNotMatch(html, /<script>|<img src=x/, view);
  }
  assert.match(await page("/u/alice.test/activity"), /team\/<wbr\/?>two/);
  const narrowed = await page("/u/alice.test?q=two");
  assert.doesNotMatch(narrowed, /team\/<wbr\/?>one/);
  assert.match(narrowed, /team\/<wbr\/?>two/);
  assert.match(await page("/u/alice.test?q=none"), /No repository has/);
});

Deno.test("accounts have one address; unknown ones and wrong cursors are pages", async () => {
  const { did } = server().alice;
  for (const owner of [did, "@alice.test", "Alice.Test"]) {
    const url = new URL(`/u/${owner}/stars?cursor=x`, server().origin);
    const answer = expect(await call(url, "GET"), 302);
    assert.equal(
      answer.headers.get("location"),
      "/u/alice.test/stars?cursor=x",
    );
  }
  for (const view of ["", "/stars", "/activity"]) {
    assert.match(
      await page(`/u/alice.test${view}?cursor=broken`, 400),
      /cursor/,
    );
    await page(`/u/nobody.test${view}`, 404);
    await page(`/u/not%20a%20name${view}`, 404);
  }
});

Deno.test("a star is a record of the one who gives it, by a form with a proof and in no other way", async () => {
  await push("starred/app");
  const path = "/r/alice.test/starred/app";
  const { alice, bob, pds } = server();
  const records = async () =>
    (await new PdsAccount(pds, bob).records("io.atcr.sailor.star")).length;
  assert.match(await page(path), /class="button star" href="\/auth\/login/);
  const browser = await signedIn(server(), bob);
  const html = await (await browser.get(path)).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? "";
  const star = (starred: string, proof = csrf, accept = "text/html") =>
    browser.post(`${path}/-/star`, {
      csrf: proof,
      starred,
      return_to: path,
    }, { accept });
  assert.equal((await star("yes", "wrong")).status, 403);
  assert.equal((await browser.get(`${path}/-/star`)).status, 404);
  assert.equal(await records(), 0);
  const done = await star("yes");
  assert.equal(done.status, 303);
  assert.equal(done.headers.get("location"), path);
  assert.equal(await records(), 1);
  const again = await star("yes", csrf, "application/json");
  assert.deepEqual(await again.json(), { count: 1, isStarred: true });
  assert.match(await (await browser.get(path)).text(), /aria-pressed="true"/);
  assert.match(await page(`${path}/-/stars`), /href="\/u\/bob\.test"/);
  assert.match(await page("/u/bob.test/stars"), /starred\/<wbr\/?>app/);
  assert.match(await page("/u/bob.test/activity"), /stars<\/span>/);
  // Those who follow bob see that he likes it.
  await new PdsAccount(pds, alice).put("app.bsky.graph.follow", "3kbob", {
    subject: bob.did,
    createdAt: new Date().toISOString(),
  });
  const follower = await signedIn(server(), alice);
  await until(async () =>
    /Also starred by[\s\S]*whom you follow/
      .test(await (await follower.get(path)).text())
  );
  assert.match(
    await (await follower.get("/")).text(),
    /From people you follow/,
  );
  const back = await star("no", csrf, "application/json");
  assert.deepEqual(await back.json(), { count: 0, isStarred: false });
  assert.equal(await records(), 0);
  const wrong = await star("yes", "wrong", "application/json");
  assert.equal(wrong.status, 403);
  assert.match((await wrong.json()).message, /nothing was changed/);
});

Deno.test("a repository that does not exist cannot be starred", async () => {
  const browser = await signedIn(server(), server().bob);
  const csrf = await browser.csrf();
  const answer = await browser.post("/r/alice.test/never/pushed/-/star", {
    csrf,
    starred: "yes",
  });
  assert.equal(answer.status, 404);
});
