import assert from "node:assert/strict";
import { ALICE } from "../cards/testing_records.ts";
import { everything, isPublic, startReads } from "./testing_reads.ts";

Deno.test("tags come newest first, with facts of their images", async () => {
  using index = await startReads();
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
  using index = await startReads();
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
