import assert from "node:assert/strict";
import { rowsBelow } from "../testing_rows.ts";
import { ALICE, revOf } from "./testing_records.ts";
import { isPublic, startReads } from "../reads/testing_reads.ts";

Deno.test("repositories of an account that is not shown are hidden, and shown again later", async () => {
  using index = await startReads();
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
  using index = await startReads();
  for (let i = 0; i < 200; i++) await index.push("app", `v${i}`);
  await index.push("other", "v1", { layers: ["base"] });
  await index.facets.setPopularity(ALICE, "app", { stars: 3, pulls30d: 9 });
  await index.accounts.identity(ALICE, "alice.test");
  await index.accounts.account(ALICE, "deleted");
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1]), []);
  assert.equal((await rowsBelow(index.kv, ["observed"])).length, 201);
});
