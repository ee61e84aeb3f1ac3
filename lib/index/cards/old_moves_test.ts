import assert from "node:assert/strict";
import { rowsBelow } from "../testing_rows.ts";
import { dropOldMoves } from "./old_moves.ts";
import { revOf } from "./testing_records.ts";
import { startReads } from "../reads/testing_reads.ts";

Deno.test("of a tag that moves all the time the last 200 moves are kept", async () => {
  using index = await startReads();
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
