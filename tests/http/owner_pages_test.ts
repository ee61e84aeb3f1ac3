/** Pages of holds, webhooks and the data of an account. */

import assert from "node:assert/strict";
import { z } from "zod";
import { csrfIn, signedIn } from "../support/pages.ts";
import { call, expect, Repository, textOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { freePort } from "../tools/ports.ts";

const RECEIVER = `http://127.0.0.1:${freePort()}`;
const EVIL = `"'><script>alert(1)</script>`;

const server = sharedServer({
  env: { ATCR_WEBHOOKS_ALLOWED_ORIGINS: RECEIVER },
});
const holdDid = () => `did:web:${server().host.replace(":", "%3A")}`;

async function page(path: string, status = 200): Promise<string> {
  const answer = await call(new URL(path, server().origin), "GET");
  return textOf(expect(answer, status));
}

Deno.test("holds are listed with how they are, and found by host or DID", async () => {
  // The server makes its own hold known after it has started.
  await until(async () => (await page("/h")).includes("answers"));
  const list = await page("/h");
  assert.match(list, /class="state good">answers/);
  assert.match(list, /everybody may pull/);
  assert.match(list, /alice\.<wbr\/?>test/);
  const path = `/h/${holdDid().replace("%", "%25")}`;
  const byHost = await call(`${server().origin}/h/${server().host}`, "GET");
  assert.equal(byHost.status, 302);
  assert.equal(byHost.headers.get("location"), path);
  const hold = await page(path);
  assert.match(hold, /Sign in/);
  assert.doesNotMatch(hold, /Crew|Stored/);
  const captain = await signedIn(server(), server().alice);
  const own = await (await captain.get(path)).text();
  assert.match(own, /the captain/);
  assert.match(own, /<dt>Crew<\/dt><dd>\d+ member/);
});

Deno.test("a hold that is not known, or none, is not found", async () => {
  for (const name of ["nowhere.invalid", "did:web:nowhere.invalid", "%22x"]) {
    assert.match(await page(`/h/${name}`, 404), /Not found/);
  }
  await page("/h?cursor=nonsense", 400);
});

Deno.test("an owner makes, tries, changes and deletes a webhook without a terminal", async () => {
  const received: string[] = [];
  const { port, hostname } = new URL(RECEIVER);
  await using _ = Deno.serve(
    { port: Number(port), hostname, onListen: () => {} },
    async (request) => {
      received.push(await request.text());
      return new Response(EVIL);
    },
  );
  const alice = await signedIn(server(), server().alice);
  const csrf = await csrfIn(alice, "/settings/webhooks");
  const refused = await alice.post("/settings/webhooks", {
    csrf,
    url: `ftp://x/${EVIL}`,
    repository: "team/app",
    trigger: "delete",
  });
  assert.equal(refused.status, 400);
  const typed = await refused.text();
  assert.match(typed, /value="team\/app"/);
  assert.match(typed, /value="delete" checked/);
  assert.doesNotMatch(typed, /<script>/);
  const made = await alice.post("/settings/webhooks", {
    csrf,
    url: `${RECEIVER}/hook`,
    repository: "team/app",
    trigger: "push",
    secret: "a secret",
  });
  assert.equal(made.status, 303);
  const path = (made.headers.get("location") ?? "").split("?")[0] ?? "";
  assert.match(path, /^\/settings\/webhooks\/[0-9a-f-]+$/);
  assert.equal((await alice.post(path, { csrf, do: "test" })).status, 303);
  assert.equal(received.length, 1);
  const log = await (await alice.get(path)).text();
  assert.match(log, /test: delivered/);
  assert.match(log, /status 200/);
  assert.doesNotMatch(log, /<script>|a secret/);
  const [, delivery = ""] = /name="delivery" value="([^"]+)"/.exec(log) ?? [];
  const again = await alice.post(path, { csrf, do: "again", delivery });
  assert.equal(again.status, 303);
  assert.equal(received[1], received[0]);
  await alice.post(path, { csrf, do: "change", trigger: "delete" });
  await alice.post(path, { csrf, do: "off" });
  const off = await (await alice.get(path)).text();
  assert.match(off, /This webhook is off/);
  assert.match(off, /value="delete" checked/);
  const bob = await signedIn(server(), server().bob);
  assert.equal((await bob.get(path)).status, 404);
  const bobs = await csrfIn(bob, "/settings/webhooks");
  const foreign = await bob.post(path, { csrf: bobs, do: "delete" });
  assert.equal(foreign.status, 404);
  assert.equal((await alice.post(path, { csrf, do: "delete" })).status, 303);
  assert.equal((await alice.get(path)).status, 404);
});

const row = z.object({ kind: z.string(), key: z.array(z.unknown()) });
const exported = z.object({
  account: z.string(),
  registry: z.object({
    sessions: z.array(z.unknown()),
    webhooks: z.array(z.unknown()),
    pinned: z.array(row),
    images: z.array(row),
    counts: z.array(row),
    activity: z.array(row),
  }),
  holds: z.record(z.string(), z.object({ userDid: z.string() })),
});

/** What the server keeps about the account of a browser. */
async function exportOf(browser: Awaited<ReturnType<typeof signedIn>>) {
  const csrf = await csrfIn(browser, "/settings/data");
  const answer = await browser.post("/settings/data/export", { csrf });
  assert.equal(answer.status, 200);
  assert.match(
    answer.headers.get("content-disposition") ?? "",
    /^attachment; filename="registry-data-/,
  );
  return exported.parse(await answer.json());
}

Deno.test("an account gets its data, and has it deleted only when it is confirmed", async () => {
  const { bob } = server();
  const image = new Repository(server(), bob, "bob.test/data");
  await image.pushImage("v1");
  const browser = await signedIn(server(), bob);
  const csrf = await csrfIn(browser, "/settings/data");
  await browser.post("/settings/webhooks", {
    ...{ csrf, url: `${RECEIVER}/hook`, repository: "data", trigger: "push" },
  });
  const data = await exportOf(browser);
  assert.equal(data.account, bob.did);
  assert.equal(data.holds[holdDid()]?.userDid, bob.did);
  assert.ok(data.registry.sessions.length > 0);
  assert.equal(data.registry.webhooks.length, 1);
  const kindsOf = (rows: readonly z.infer<typeof row>[]) =>
    new Set(rows.map(({ kind }) => kind));
  const images = kindsOf(data.registry.images);
  assert.ok(images.has("registry/tag") && images.has("index/card"));
  await until(async () => {
    const { counts, activity } = (await exportOf(browser)).registry;
    return kindsOf(counts).has("observed/pushes") && activity.length > 0;
  });
  const wish = { csrf, hold: holdDid(), registry: "yes" };
  const unsure = await browser.post("/settings/data/delete", {
    ...wish,
    confirm: "bob",
  });
  assert.equal(unsure.status, 400);
  assert.match(await unsure.text(), /value="bob"/);
  assert.equal((await browser.get("/settings/data")).status, 200);
  const deleted = await browser.post("/settings/data/delete", {
    ...wish,
    confirm: "bob.test",
  });
  assert.equal(deleted.status, 303);
  assert.equal(deleted.headers.get("location"), "/");
  assert.equal((await browser.get("/settings/data")).status, 303);
  const again = await signedIn(server(), bob);
  await until(async () => {
    const { webhooks, counts } = (await exportOf(again)).registry;
    return webhooks.length === 0 && counts.length === 0;
  });
  // The images are Bob's: they are in his repo, and found there.
  const after = new Repository(server(), bob, "bob.test/data");
  expect(await after.send("GET", "manifests/v1"), 200);
});
