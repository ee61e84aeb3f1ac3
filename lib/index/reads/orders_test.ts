import assert from "node:assert/strict";
import { ALICE, HOLD } from "../cards/testing_records.ts";
import { rowsBelow } from "../testing_rows.ts";
import { everything, isPublic, PRIVATE, startReads } from "./testing_reads.ts";

Deno.test("of two pushes in one second the later one comes first", async () => {
  using index = await startReads();
  await index.push("z", "v1");
  for (const repo of ["b", "a", "c"]) {
    await index.push(repo, "v1", { afterMs: 1 });
  }
  const all = await everything((cursor) =>
    index.cards.newest({ limit: 1, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ repo }) => repo), ["c", "a", "b", "z"]);
});

Deno.test("a page of a list reads little more than it shows", async () => {
  using index = await startReads();
  for (let i = 0; i < 30; i++) {
    const holdDid = i % 5 === 0 ? PRIVATE : HOLD;
    await index.push(`r${i}`, "v1", { holdDid });
  }
  const { items } = await index.cards.newest({ limit: 10 }, isPublic);
  assert.equal(items.length, 10);
  assert.ok(index.read.every((rows) => rows <= 15), String(index.read));
});

Deno.test("a list shows stars and pages as they are now", async () => {
  using index = await startReads();
  await index.push("app", "v1");
  await index.facets.setStars(ALICE, "app", 7);
  await index.facets.setPage(ALICE, "app", { line: "A fine app" });
  const shown = await index.cards.card(ALICE, "app", isPublic);
  for (
    const { items } of [
      await index.cards.newest({}, isPublic),
      await index.cards.newestOf(ALICE, {}, isPublic),
    ]
  ) {
    assert.deepEqual(items, [{ did: ALICE, repo: "app", card: shown }]);
  }
  assert.equal(shown?.stars, 7);
});

Deno.test("places that an earlier version wrote are shown until the repository changes", async () => {
  using index = await startReads();
  const { kv } = index;
  await index.push("app", "v1", { afterMs: 1_234 });
  for (const kind of ["updated", "updated_of"]) {
    const [place] = await Array.fromAsync(
      kv.list({ prefix: ["index", 1, kind] }),
    );
    assert.ok(place);
    // Full seconds, and the kind instead of the card.
    const former = place.key.map((part) =>
      typeof part === "number" && part > 1 ? part + 234 : part
    );
    await kv.atomic().delete(place.key).set(former, "image").commit();
  }
  const repos = async () =>
    [
      ...(await index.cards.newest({ kind: "image" }, isPublic)).items,
      ...(await index.cards.newestOf(ALICE, {}, isPublic)).items,
    ].map(({ repo }) => repo);
  assert.deepEqual(await repos(), ["app", "app"]);
  await index.facets.setStars(ALICE, "app", 7);
  assert.deepEqual(await repos(), ["app", "app"]);
  assert.equal((await rowsBelow(kv, ["index", 1, "updated"])).length, 1);
  assert.equal((await rowsBelow(kv, ["index", 1, "updated_of"])).length, 1);
});
