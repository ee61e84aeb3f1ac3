import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { Pins } from "./pins.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const ref = (repo: string) => ({ did: ALICE, repo });

Deno.test("up to six repositories are pinned in their order", async () => {
  using kv = Object.assign(await openKv(":memory:", new ManualClock()), {
    [Symbol.dispose]: () => kv.close(),
  });
  const pins = new Pins(kv);
  assert.deepEqual(await pins.get(ALICE), []);
  const six = ["f", "e", "d", "c", "b", "a"].map(ref);
  await pins.set(ALICE, six);
  assert.deepEqual(await pins.get(ALICE), six);
  for (const bad of [[...six, ref("g")], [ref("a"), ref("a")]]) {
    await assert.rejects(pins.set(ALICE, bad), { code: "INVALID_REQUEST" });
  }
  await assert.rejects(pins.set(ALICE, [ref("Not A Name")]), {
    code: "NAME_INVALID",
  });
  assert.deepEqual(await pins.get(ALICE), six);
  await pins.set(ALICE, []);
  assert.deepEqual(await pins.get(ALICE), []);
});
