import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import { rowsBelow } from "../testing_rows.ts";
import { CardReads } from "./card_reads.ts";
import { ALICE, BOB } from "../cards/testing_records.ts";
import { everything, isPublic, PRIVATE, startReads } from "./testing_reads.ts";

Deno.test("repositories come newest first, of everybody and of an owner, page by page", async () => {
  using index = await startReads();
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
  using index = await startReads();
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
  using index = await startReads();
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

Deno.test("a repository keeps its stars and its page while it has no tags", async () => {
  using index = await startReads();
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
