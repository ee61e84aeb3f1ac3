/** Feeds, badges, sitemaps and what browsers look for, beside pages. */

import assert from "node:assert/strict";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { type InProcess, startInProcess } from "../hold/in_process.ts";
import { assertAtom } from "../support/atom_rules.ts";
import { call, jsonOf, Repository, textOf } from "../support/registry.ts";

let program: InProcess;
let digest: string;

Deno.test.beforeAll(async () => {
  program = await startInProcess(new MemoryBlobStore());
  const app = new Repository(program, program.alice, "alice.test/team/app");
  await app.pushImage("v1.0");
  program.advance(2_000);
  ({ digest } = await app.pushImage("v1.1"));
  const other = new Repository(program, program.bob, "bob.test/tool");
  program.advance(2_000);
  await other.pushImage("latest");
});
Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
});

function get(path: string, headers: Record<string, string> = {}) {
  return call(new URL(path, program.origin), "GET", { headers });
}

async function feed(path: string): Promise<string> {
  const answer = await get(path);
  assert.equal(answer.status, 200, textOf(answer));
  assert.match(answer.headers.get("content-type") ?? "", /^application\/atom/);
  assertAtom(textOf(answer));
  return textOf(answer);
}

/** The texts of all elements of this name. */
function all(xml: string, name: string): string[] {
  const elements = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"));
  return [...elements].map(([, text = ""]) => text);
}

Deno.test("the feeds of everybody, of an account and of a repository have its pushes, newest first", async () => {
  const app = ["alice.test/team/app:v1.1", "alice.test/team/app:v1.0"];
  const feeds = {
    "/feed.atom": ["bob.test/tool:latest", ...app],
    "/u/alice.test/feed.atom": app,
    [`/u/${program.alice.did}/feed.atom`]: app,
    "/r/alice.test/team/app/-/feed.atom": app,
  };
  for (const [path, titles] of Object.entries(feeds)) {
    const xml = await feed(path);
    assert.deepEqual(all(xml, "title").slice(1), titles, path);
    const ids = all(xml, "id");
    assert.equal(new Set(ids).size, titles.length + 1, path);
    for (const id of ids) assert.match(id, /^tag:127\.0\.0\.1,2026:/);
    const [updated, ...times] = all(xml, "updated");
    assert.equal(updated, times.toSorted().at(-1), path);
    assert.match(xml, /<link rel="self" [^>]*\/feed\.atom"/);
  }
  const xml = await feed("/r/alice.test/team/app/-/feed.atom");
  assert.ok(xml.includes(`/r/alice.test/team/app:v1.1"`));
  assert.ok(xml.includes(digest));
});

Deno.test("a feed has the same entries by every name of its owner, and new ones after a push", async () => {
  const path = "/r/alice.test/team/app/-/feed.atom";
  const first = await get(path);
  const byDid = await feed(`/r/${program.alice.did}/team/app/-/feed.atom`);
  assert.equal(byDid, textOf(first));
  const etag = first.headers.get("etag") ?? "";
  assert.equal((await get(path, { "if-none-match": etag })).status, 304);
  program.advance(2_000);
  const app = new Repository(program, program.alice, "alice.test/team/app");
  await app.pushImage("v1.0");
  const again = await get(path, { "if-none-match": etag });
  assert.equal(again.status, 200);
  // A tag that moves is a new entry.
  const before = new Set(all(textOf(first), "id"));
  const fresh = all(textOf(again), "id").filter((id) => !before.has(id));
  assert.equal(fresh.length, 1);
});

Deno.test("feeds and badges of what is not there are a 404", async () => {
  for (
    const path of [
      "/u/nobody.test/feed.atom",
      "/r/alice.test/none/-/feed.atom",
      "/r/alice.test/UPPER/-/feed.atom",
      `/badge/alice.test/${"a".repeat(3_000)}/tag.svg`,
    ]
  ) {
    assert.equal((await get(path)).status, 404, path);
  }
});

Deno.test("the page of a repository names its feed and the search", async () => {
  const page = textOf(await get("/r/alice.test/team/app"));
  assert.match(
    page,
    /type="application\/atom\+xml" href="\/r\/alice.test\/team\/app\/-\/feed\.atom"/,
  );
  assert.match(page, /href="\/opensearch\.xml"/);
  const search = textOf(await get("/opensearch.xml"));
  assert.match(search, /template="http:[^"]*\/search\?q=\{searchTerms\}"/);
});

Deno.test("badges are pictures and JSON with the numbers of a repository", async () => {
  const path = "/badge/alice.test/team/app";
  const expected = {
    tag: /v1\./,
    version: /v1\./,
    pulls: /^\d/,
    stars: /^0$/,
    size: /kB|byte/,
  };
  for (const [kind, message] of Object.entries(expected)) {
    const json = await get(`${path}/${kind}.json`);
    const badge = jsonOf(json) as { schemaVersion: number; message: string };
    assert.equal(badge.schemaVersion, 1);
    assert.match(badge.message, message, kind);
    const svg = await get(`${path}/${kind}.svg?style=flat-square`);
    assert.equal(svg.status, 200);
    assert.match(svg.headers.get("content-type") ?? "", /^image\/svg\+xml/);
    assert.ok(textOf(svg).includes(badge.message), kind);
    assert.equal(svg.headers.get("access-control-allow-origin"), "*");
  }
  const labelled = textOf(
    await get(`${path}/tag.svg?label=${encodeURIComponent("<b>&\u0001")}`),
  );
  assert.ok(labelled.includes("&lt;b&gt;&amp;\ufffd"));
  const missing = await get("/badge/alice.test/none/tag.svg");
  assert.equal(missing.status, 404);
  assert.match(textOf(missing), /not found/);
  assert.equal((await get(`${path}/tag.svg?style=big`)).status, 400);
  assert.equal((await get(`${path}/age.svg`)).status, 404);
});

Deno.test("sitemaps name every repository once, and robots.txt names the sitemaps", async () => {
  const robots = textOf(await get("/robots.txt"));
  const [, url = ""] = /^Sitemap: (.*)$/m.exec(robots) ?? [];
  assert.match(robots, /^Disallow: \/settings$/m);
  const index = await get(new URL(url).pathname);
  const places: string[] = [];
  for (const part of all(textOf(index), "loc")) {
    const answer = await get(new URL(part).pathname);
    assert.equal(answer.status, 200, part);
    places.push(
      ...all(textOf(answer), "loc").map((one) => new URL(one).pathname),
    );
  }
  assert.deepEqual(places.sort(), [
    "/r/alice.test/team/app",
    "/r/bob.test/tool",
  ]);
  assert.equal((await get("/sitemap/1.xml")).status, 404);
});

Deno.test("links to the start page, accounts and repositories have pictures, which pages name", async () => {
  const pictures = {
    "/": "/og/home.png",
    "/u/alice.test": "/og/u/alice.test.png",
    "/r/alice.test/team/app": "/og/r/alice.test/team/app.png",
    "/r/alice.test/team/app:v1.1": "/og/r/alice.test/team/app.png",
  };
  for (const [page, path] of Object.entries(pictures)) {
    const html = textOf(await get(page));
    const image =
      `<meta property="og:image" content="${program.origin}${path}"/>`;
    assert.ok(html.includes(image), page);
    assert.match(html, /<meta name="twitter:card" content="summary_large/);
    const picture = await get(path);
    assert.equal(picture.status, 200, path);
    assert.equal(picture.headers.get("content-type"), "image/png");
    assert.deepEqual([...picture.bytes.subarray(1, 4)], [0x50, 0x4e, 0x47]);
    const etag = picture.headers.get("etag") ?? "";
    assert.equal((await get(path, { "if-none-match": etag })).status, 304);
  }
});

Deno.test("there is no picture of what does not exist, and none on other pages", async () => {
  const paths = [
    "/og/other.png",
    "/og/u/nobody.test.png",
    "/og/r/alice.test/none.png",
    "/og/r/alice.test/%zz.png",
    "/og/r/alice.test/team/app.svg",
  ];
  for (const path of paths) assert.equal((await get(path)).status, 404, path);
  assert.doesNotMatch(textOf(await get("/search?q=app")), /og:image/);
});
