import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { CAPTAIN_RECORD, crewRecord, startTestHolds } from "./testing_holds.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const BOB: Did = "did:plc:bobbobbobbobbobbobbobbob";
const HOLD: Did = "did:web:hold.example.com";
const OTHER: Did = "did:web:other.example.com";

Deno.test("an account finds the holds that it owns and those whose crew it is", async () => {
  using rig = await startTestHolds();
  await rig.captain(HOLD, { ...CAPTAIN_RECORD, owner: ALICE, public: true });
  await rig.captain(OTHER, { ...CAPTAIN_RECORD, owner: BOB, region: "iad" });
  await rig.crew(OTHER, "one", crewRecord(ALICE, ["blob:read"]));
  const own = await rig.holds.heldBy(ALICE, {});
  assert.deepEqual(own.items.map(({ did }) => did), [HOLD]);
  assert.equal(own.items[0]?.facts?.public, true);
  const { items } = await rig.holds.crewOf(ALICE, {});
  assert.deepEqual(items, [{
    hold: OTHER,
    crew: {
      member: ALICE,
      role: "member",
      permissions: ["blob:read"],
      addedAt: "2026-01-01T00:00:00.000Z",
    },
    facts: {
      owner: BOB,
      public: false,
      allowAllCrew: false,
      region: "iad",
    },
  }]);
});

Deno.test("records that change hands or go take their rows along", async () => {
  using rig = await startTestHolds();
  await rig.captain(HOLD, { ...CAPTAIN_RECORD, owner: ALICE });
  await rig.crew(HOLD, "one", crewRecord(ALICE));
  await rig.captain(HOLD, { ...CAPTAIN_RECORD, owner: BOB });
  await rig.crew(HOLD, "one", crewRecord(BOB));
  assert.deepEqual((await rig.holds.heldBy(ALICE, {})).items, []);
  assert.deepEqual((await rig.holds.crewOf(ALICE, {})).items, []);
  assert.equal((await rig.holds.heldBy(BOB, {})).items.length, 1);
  assert.equal((await rig.holds.crewOf(BOB, {})).items.length, 1);
  await rig.captain(HOLD, undefined);
  await rig.crew(HOLD, "one", undefined);
  assert.deepEqual(await rig.derived(), []);
});

Deno.test("an older change never overwrites a newer one, and twice is as good as once", async () => {
  using rig = await startTestHolds();
  const newer = { ...CAPTAIN_RECORD, owner: BOB };
  await rig.captain(HOLD, newer, "3l2");
  await rig.captain(HOLD, newer, "3l2");
  await rig.captain(HOLD, { ...CAPTAIN_RECORD, owner: ALICE }, "3l1");
  await rig.captain(HOLD, undefined, "3l0");
  assert.deepEqual((await rig.holds.heldBy(ALICE, {})).items, []);
  assert.equal((await rig.holds.heldBy(BOB, {})).items.length, 1);
});

Deno.test("hostile records are ignored or cut", async () => {
  using rig = await startTestHolds();
  for (
    const record of [
      null,
      5,
      {},
      { owner: "somebody", public: true },
      { owner: ALICE, public: "yes" },
    ]
  ) {
    await rig.captain(HOLD, record);
  }
  await rig.crew(HOLD, "a", { member: "nobody" });
  await rig.crew(HOLD, "b", { member: ALICE, permissions: "all" });
  assert.deepEqual(await rig.derived(), []);
  await rig.captain(HOLD, {
    ...CAPTAIN_RECORD,
    owner: ALICE,
    region: "x".repeat(10_000),
  });
  await rig.crew(HOLD, "c", {
    ...crewRecord(ALICE, Array.from({ length: 5_000 }, (_, i) => `p${i}`)),
    tier: "x".repeat(10_000),
    addedAt: 7,
  });
  // Another record of the collection says nothing of the hold.
  await rig.apply({ did: HOLD, rkey: "other", record: CAPTAIN_RECORD });
  const [found] = (await rig.holds.crewOf(ALICE, {})).items;
  assert.equal(found?.crew.permissions.length, 16);
  assert.equal(found?.crew.tier, undefined);
  assert.equal(found?.facts?.region, undefined);
});

Deno.test("lists come in pages", async () => {
  using rig = await startTestHolds();
  for (let i = 0; i < 7; i++) {
    const hold: Did = `did:web:hold${i}.example.com`;
    await rig.captain(hold, { ...CAPTAIN_RECORD, owner: ALICE });
    await rig.crew(hold, "r", crewRecord(BOB));
  }
  const lists = [
    (cursor?: string) => rig.holds.list({ limit: 3, cursor }),
    (cursor?: string) => rig.holds.heldBy(ALICE, { limit: 3, cursor }),
    (cursor?: string) => rig.holds.crewOf(BOB, { limit: 3, cursor }),
  ];
  for (const list of lists) {
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(cursor);
      sizes.push(page.items.length);
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(sizes, [3, 3, 1]);
    await assert.rejects(
      list("nonsense"),
      (error) => isAppError(error, "INVALID_REQUEST"),
    );
  }
});
