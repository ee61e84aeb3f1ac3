import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import { OwnerNames } from "../search/owner_names.ts";
import { rowsBelow } from "../testing_rows.ts";
import { CardFacets } from "../cards/card_edit.ts";
import { dropOldMoves } from "../cards/old_moves.ts";
import { CardReads } from "./card_reads.ts";
import { ManifestReads } from "./manifest_reads.ts";
import { RepositoryAccounts } from "../cards/repository_accounts.ts";
import { TagReads } from "./tag_reads.ts";
import {
  ALICE,
  BOB,
  HOLD,
  imageBytes,
  indexBytes,
  manifestRecord,
  revOf,
  startTestRecords,
} from "../cards/testing_records.ts";

const PRIVATE: Did = "did:web:private.example.com";
const isPublic = (hold: Did) => Promise.resolve(hold === HOLD);

async function start() {
  const index = await startTestRecords();
  const { kv, clock } = index;
  const read: number[] = [];
  const reads = {
    kv,
    watch: {
      ignored: () => {},
      rowsRead: (_: string, rows: number) => read.push(rows),
    },
  };
  let rev = 0;
  const push = async (
    repo: string,
    tag: string,
    { did = ALICE, holdDid = HOLD, layers = [] as string[], name = "" } = {},
  ) => {
    clock.advance(1_000);
    const bytes = imageBytes(name || `${did} ${repo} ${tag}`, layers);
    const record = manifestRecord(repo, bytes, clock.now(), holdDid);
    const digest = await index.manifest(repo, bytes, { did, record });
    await index.tag(repo, tag, digest, { did, rev: revOf(++rev) });
    return digest;
  };
  return {
    ...index,
    ...{ read, push },
    cards: new CardReads(reads),
    tags: new TagReads(reads),
    manifests: new ManifestReads(reads),
    facets: new CardFacets(kv),
    accounts: new RepositoryAccounts(kv, new OwnerNames(kv)),
  };
}

/** All items of a list, page by page. */
async function everything<T>(
  page: (cursor: string | undefined) => Promise<{
    items: readonly T[];
    cursor: string | undefined;
  }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const found = await page(cursor);
    all.push(...found.items);
    cursor = found.cursor;
  } while (cursor !== undefined);
  return all;
}

Deno.test("repositories come newest first, of everybody and of an owner, page by page", async () => {
  using index = await start();
  for (const repo of ["a", "b", "c", "d", "e"]) await index.push(repo, "v1");
  await index.push("z", "v1", { did: BOB });
  await index.push("b", "v2");
  const names = (of: (cursor?: string) => ReturnType<CardReads["newest"]>) =>
    everything(of).then((all) => all.map(({ repo }) => repo));
  const newest = (cursor?: string) =>
    index.cards.newest({ limit: 2, cursor }, isPublic);
  assert.deepEqual(await names(newest), ["b", "z", "e", "d", "c", "a"]);
  const ofAlice = (cursor?: string) =>
    index.cards.newestOf(ALICE, { limit: 2, cursor }, isPublic);
  assert.deepEqual(await names(ofAlice), ["b", "e", "d", "c", "a"]);
});

Deno.test("a private repository is in no list and has no card for others", async () => {
  using index = await start();
  const digest = await index.push("secret", "v1", {
    holdDid: PRIVATE,
    layers: ["base"],
  });
  await index.push("open", "v1", { layers: ["base"] });
  const { items } = await index.cards.newest({}, isPublic);
  assert.deepEqual(items.map(({ repo }) => repo), ["open"]);
  assert.equal(await index.cards.card(ALICE, "secret", isPublic), undefined);
  assert.deepEqual(
    (await index.tags.newest(ALICE, "secret", {}, isPublic)).items,
    [],
  );
  for (
    const list of [
      index.tags.history(ALICE, "secret", "v1", {}, isPublic),
      index.tags.aliases(ALICE, "secret", digest, {}, isPublic),
    ]
  ) {
    await assert.rejects(list, (error) => isAppError(error, "NAME_UNKNOWN"));
  }
  const layer = digestOf(new TextEncoder().encode("base"));
  const sharing = await index.manifests.sharing(layer, {}, isPublic);
  assert.deepEqual(sharing.items.map(({ repo }) => repo), ["open"]);
  assert.equal(
    await index.manifests.manifest(ALICE, digest, isPublic),
    undefined,
  );
});

Deno.test("a page stops at the bound on rows and goes on from there", async () => {
  using index = await start();
  const { kv, clock } = index;
  await index.push("open", "v1");
  // Rows of repositories that are not shown.
  for (let i = 0; i < 2_500; i++) {
    await kv.set(
      [
        "index",
        1,
        "updated",
        Number.MAX_SAFE_INTEGER - clock.now() - i,
        BOB,
        `r${i}`,
      ],
      1,
    );
  }
  const first = await index.cards.newest({ limit: 10 }, isPublic);
  assert.deepEqual(first.items, []);
  assert.ok(first.cursor !== undefined);
  assert.ok(index.read.every((rows) => rows <= 1_000), String(index.read));
  const all = await everything((cursor) =>
    index.cards.newest({ limit: 10, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ repo }) => repo), ["open"]);
});

Deno.test("tags come newest first, with facts of their images", async () => {
  using index = await start();
  for (const tag of ["v1", "v2", "v3"]) await index.push("app", tag);
  const latest = await index.push("app", "latest", { name: "same" });
  await index.push("app", "v4", { name: "same" });
  const all = await everything((cursor) =>
    index.tags.newest(ALICE, "app", { limit: 2, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ tag }) => tag), [
    "v4",
    "latest",
    "v3",
    "v2",
    "v1",
  ]);
  assert.equal(all[0]?.facts?.size, 1_000);
  const byName = await everything((cursor) =>
    index.tags.byName(ALICE, "app", { limit: 2, cursor }, isPublic)
  );
  assert.deepEqual(byName.map(({ tag }) => tag), [
    ...["latest", "v1", "v2", "v3", "v4"],
  ]);
  assert.deepEqual(byName[0], all[1]);
  const aliases = await everything((cursor) =>
    index.tags.aliases(ALICE, "app", latest, { limit: 1, cursor }, isPublic)
  );
  assert.deepEqual(aliases, ["latest", "v4"]);
});

Deno.test("the history of a tag has all of its moves", async () => {
  using index = await start();
  const moves: string[] = [];
  for (let i = 0; i < 5; i++) {
    moves.unshift(await index.push("app", "latest", { name: `n${i}` }));
  }
  const all = await everything((cursor) =>
    index.tags.history(ALICE, "app", "latest", { limit: 2, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ to }) => to), moves);
  assert.deepEqual(all.map(({ from }) => from), [...moves.slice(1), undefined]);
});

Deno.test("indexes that name an image are found, and an index has the sizes of its images", async () => {
  using index = await start();
  const child = await index.push("app", "amd64", { layers: ["base"] });
  const bytes = indexBytes([{ digest: child, platform: "linux/amd64" }]);
  const digest = await index.manifest("app", bytes);
  const found = await index.manifests.indexesOf(ALICE, child, {}, isPublic);
  assert.deepEqual(found.items, [{ did: ALICE, repo: "app", digest }]);
  const facts = await index.manifests.manifest(ALICE, digest, isPublic);
  assert.deepEqual(facts?.children, [
    { digest: child, platform: "linux/amd64", size: 2_001_000 },
  ]);
});

Deno.test("indexes that name an image are listed page by page", async () => {
  using index = await start();
  const child = await index.push("app", "amd64", { layers: ["base"] });
  const wanted: string[] = [];
  for (let i = 0; i < 5; i++) {
    const entries = [{ digest: child, platform: `linux/v${i}` }];
    wanted.push(await index.manifest("app", indexBytes(entries)));
  }
  const found = await everything((cursor) =>
    index.manifests.indexesOf(ALICE, child, { limit: 2, cursor }, isPublic)
  );
  assert.deepEqual(found.map(({ digest }) => digest), wanted.toSorted());
});

Deno.test("repositories that share a layer are found, each once", async () => {
  using index = await start();
  for (const tag of ["v1", "v2", "v3"]) {
    await index.push("app", tag, { layers: ["base"] });
  }
  await index.push("other", "v1", { did: BOB, layers: ["base", "top"] });
  const layer = digestOf(new TextEncoder().encode("base"));
  const all = await everything((cursor) =>
    index.manifests.sharing(layer, { limit: 1, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ repo }) => repo), ["app", "other"]);
});

Deno.test("repositories of an account that is not shown are hidden, and shown again later", async () => {
  using index = await start();
  await index.push("app", "v1");
  const before = await rowsBelow(index.kv, ["index", 1]);
  await index.accounts.account(ALICE, "deactivated");
  assert.deepEqual((await index.cards.newest({}, isPublic)).items, []);
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1, "word"]), []);
  assert.deepEqual(
    (await index.tags.newest(ALICE, "app", {}, isPublic)).items,
    [],
  );
  await index.push("app", "v2");
  assert.deepEqual((await index.cards.newest({}, isPublic)).items, []);
  await index.accounts.account(ALICE, "active");
  assert.equal((await index.cards.newest({}, isPublic)).items.length, 1);
  await index.apply({ rkey: "app_v2", rev: revOf(99) });
  const rows = await rowsBelow(index.kv, ["index", 1, "card"]);
  assert.deepEqual(
    rows,
    before.filter((line) => line.startsWith("card "))
      .map((line) => line.slice("card ".length)),
  );
});

Deno.test("nothing is left of an account that was deleted but what others observed", async () => {
  using index = await start();
  for (let i = 0; i < 200; i++) await index.push("app", `v${i}`);
  await index.push("other", "v1", { layers: ["base"] });
  await index.facets.setPopularity(ALICE, "app", { stars: 3, pulls30d: 9 });
  await index.accounts.identity(ALICE, "alice.test");
  await index.accounts.account(ALICE, "deleted");
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1]), []);
  assert.equal((await rowsBelow(index.kv, ["observed"])).length, 201);
});

Deno.test("a repository keeps its stars and its page while it has no tags", async () => {
  using index = await start();
  await index.facets.setPopularity(ALICE, "app", { stars: 3, pulls30d: 9 });
  await index.facets.setPage(ALICE, "app", { line: "A fine app" });
  assert.deepEqual((await index.cards.newest({}, isPublic)).items, []);
  await index.push("app", "v1");
  const card = await index.cards.card(ALICE, "app", isPublic);
  assert.deepEqual([card?.stars, card?.pulls, card?.page], [3, 9, {
    line: "A fine app",
  }]);
  await index.apply({ rkey: "app_v1" });
  await index.facets.setPopularity(ALICE, "app", { stars: 0, pulls30d: 0 });
  await index.facets.setPage(ALICE, "app", undefined);
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1, "card"]), []);
});

Deno.test("of a tag that moves all the time the last 200 moves are kept", async () => {
  using index = await start();
  const [one, two] = [
    await index.push("app", "v1"),
    await index.push("app", "v2"),
  ];
  for (let i = 0; i < 250; i++) {
    index.clock.advance(1_000);
    const change = { rev: revOf(1_000 + i) };
    await index.tag("app", "v1", i % 2 === 0 ? two : one, change);
  }
  const moves = () => rowsBelow(index.kv, ["observed", "tag_move"]);
  assert.equal((await moves()).length, 252);
  assert.equal(await dropOldMoves(index.kv), 51);
  assert.equal((await moves()).length, 201);
});
