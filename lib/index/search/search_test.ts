import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import {
  ALICE,
  BOB,
  HOLD,
  imageBytes,
  indexBytes,
  manifestRecord,
  startTestRecords,
} from "../cards/testing_records.ts";
import { CardFacets } from "../cards/card_edit.ts";
import { digestOf } from "../../oci/digest.ts";
import { NameList } from "./name_list.ts";
import { OwnerNames } from "./owner_names.ts";
import type { SearchOptions } from "./query.ts";
import { Search } from "./search.ts";
import { UNWATCHED } from "../testing_watch.ts";

const PRIVATE: Did = "did:web:private.example.com";
const watch = UNWATCHED;
const isPublic = (hold: Did) => Promise.resolve(hold === HOLD);

async function start() {
  const index = await startTestRecords();
  const { kv, clock } = index;
  const owners = new OwnerNames(kv);
  await owners.setHandle(ALICE, "alice.example.com");
  await owners.setHandle(BOB, "bob.test");
  await owners.setDisplayName(BOB, "Robert Tables");
  const names = new NameList({ kv, clock, maxNames: 1_000 });
  const search = new Search({ kv, watch, owners, names });
  const push = async (
    did: Did,
    repo: string,
    annotations: Record<string, string> = {},
    holdDid: Did = HOLD,
  ) => {
    clock.advance(1_000);
    const bytes = imageBytes(`${did} ${repo}`, [], annotations);
    const record = manifestRecord(repo, bytes, clock.now(), holdDid);
    const digest = await index.manifest(repo, bytes, { did, record });
    await index.tag(repo, "latest", digest, { did });
  };
  const find = async (q: string, more: SearchOptions = {}) => {
    const page = await search.find({ q, ...more }, isPublic);
    return { ...page, names: page.items.map(({ repo }) => repo) };
  };
  return { ...index, owners, search, push, find, facets: new CardFacets(kv) };
}

const describe = (text: string) => ({
  "org.opencontainers.image.description": text,
});

Deno.test("repositories are found by words of their names and descriptions, and by how words begin", async () => {
  using index = await start();
  await index.push(ALICE, "team/web-shop", describe("Sells Ångström scales"));
  await index.push(BOB, "shopping-list");
  await index.push(BOB, "other");
  assert.deepEqual((await index.find("shop")).names, [
    "team/web-shop",
    "shopping-list",
  ]);
  assert.deepEqual((await index.find("ångström")).names, ["team/web-shop"]);
  assert.deepEqual((await index.find("SCAL")).names, ["team/web-shop"]);
  assert.deepEqual((await index.find("nothing")).names, []);
});

Deno.test("the repository of exactly that name comes first, the popular ones before others", async () => {
  using index = await start();
  await index.push(ALICE, "nginx-proxy");
  await index.push(ALICE, "nginx");
  await index.push(BOB, "nginx");
  await index.facets.setPopularity(BOB, "nginx", { stars: 3, pulls30d: 0 });
  await index.facets.setPopularity(ALICE, "nginx-proxy", {
    stars: 90,
    pulls30d: 1_000,
  });
  const { items } = await index.find("nginx");
  assert.deepEqual(items.map(({ did, repo }) => [did, repo]), [
    [BOB, "nginx"],
    [ALICE, "nginx"],
    [ALICE, "nginx-proxy"],
  ]);
  // Without words all are there, the most popular first.
  assert.equal((await index.find("")).names[0], "nginx-proxy");
});

Deno.test("owners are found by handle and name, alone and with words of their repositories", async () => {
  using index = await start();
  await index.push(ALICE, "one");
  await index.push(BOB, "one");
  await index.push(BOB, "two");
  assert.deepEqual((await index.find("bob")).names, ["two", "one"]);
  assert.deepEqual((await index.find("tables")).names, ["two", "one"]);
  const { items } = await index.find("one robert");
  assert.deepEqual(items.map(({ did }) => did), [BOB]);
  await index.owners.setHandle(BOB, "renamed.test");
  assert.deepEqual((await index.find("bob")).names, []);
  assert.deepEqual((await index.find("renamed")).names, ["two", "one"]);
});

Deno.test("an image that is named in full is the exact one, with its tag or digest", async () => {
  using index = await start();
  await index.push(ALICE, "team/app");
  for (
    const [q, reference] of [
      ["alice.example.com/team/app", undefined],
      ["alice.example.com/team/app:1.2", { kind: "tag", tag: "1.2" }],
      [`${ALICE}/team/app:1.2`, { kind: "tag", tag: "1.2" }],
      [`${ALICE}/team/app`, undefined],
      [`alice.example.com/team/app@${digestOf(new Uint8Array())}`, {
        kind: "digest",
        digest: digestOf(new Uint8Array()),
      }],
    ] as const
  ) {
    const { exact } = await index.find(q);
    assert.equal(exact?.repo, "team/app", q);
    assert.deepEqual(exact?.reference, reference);
  }
  assert.equal((await index.find("bob.test/team/app")).exact, undefined);
});

Deno.test("parts of names are found, and names that were typed wrong are suggested", async () => {
  using index = await start();
  await index.push(ALICE, "postgres-exporter");
  await index.push(BOB, "mypostgresql");
  assert.deepEqual((await index.find("postgres")).names, [
    "postgres-exporter",
    "mypostgresql",
  ]);
  const { names, suggestions } = await index.find("mypostgersql");
  assert.deepEqual(names, []);
  assert.deepEqual(suggestions, ["mypostgresql"]);
});

Deno.test("results can be limited to a kind, a platform and an owner", async () => {
  using index = await start();
  await index.push(ALICE, "app");
  await index.push(BOB, "app");
  const both = indexBytes([
    { digest: digestOf(imageBytes("x")), platform: "linux/arm64" },
  ]);
  const digest = await index.manifest("multi-app", both);
  await index.tag("multi-app", "latest", digest);
  const names = async (more: SearchOptions) =>
    (await index.find("app", more)).names;
  assert.deepEqual(await names({ platform: "linux/arm64" }), ["multi-app"]);
  assert.deepEqual(await names({ kind: "helm" }), []);
  assert.deepEqual(await names({ owner: BOB }), ["app"]);
  assert.deepEqual((await names({ owner: ALICE })).sort(), [
    "app",
    "multi-app",
  ]);
});

Deno.test("pages follow each other without a gap or a repetition, through all stages", async () => {
  using index = await start();
  const all: string[] = [];
  for (let i = 0; i < 12; i++) {
    all.push(`web${i}`, `web-${i}`, `x${i}/web`, `theweb${i}`);
  }
  for (const repo of all) await index.push(ALICE, repo);
  const found: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await index.find("web", { limit: 7, cursor });
    assert.ok(page.items.length <= 7);
    found.push(...page.names);
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined && pages < 50);
  assert.equal(found.length, new Set(found).size);
  // Parts of names are looked at up to a bound only.
  const ordered = all.filter((repo) => !repo.startsWith("theweb"));
  assert.deepEqual(ordered.filter((repo) => !found.includes(repo)), []);
});

Deno.test("what lies in a private hold is found by those only who may pull it", async () => {
  using index = await start();
  await index.push(ALICE, "secret", describe("hidden treasure"), PRIVATE);
  for (const q of ["secret", "treasure", "secr", "ecre", "alice", ""]) {
    assert.deepEqual((await index.find(q)).names, [], q);
  }
  assert.equal((await index.find("alice.example.com/secret")).exact, undefined);
  let asked = 0;
  const page = await index.search.find({ q: "secret" }, () => {
    asked++;
    return Promise.resolve(true);
  });
  assert.equal(page.items.length, 1);
  assert.equal(asked, 1);
  // A typing error must not tell the name either.
  assert.deepEqual((await index.find("secrett")).suggestions, []);
});

Deno.test("queries, limits and cursors that cannot be are refused", async () => {
  using index = await start();
  await index.push(ALICE, "app");
  const other = await index.find("", { limit: 1 });
  for (
    const options of [
      { q: "x".repeat(401) },
      { q: "a b c d e f g" },
      { limit: 0 },
      { limit: 101 },
      { limit: 1.5 },
      { cursor: "nonsense" },
      { cursor: "x".repeat(10_000) },
      { q: "app", cursor: other.cursor ?? "none" },
    ]
  ) {
    await assert.rejects(
      index.search.find(options, isPublic),
      (error) => isAppError(error, "INVALID_REQUEST"),
      JSON.stringify(options).slice(0, 50),
    );
  }
});
