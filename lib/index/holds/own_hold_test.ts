import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openTestRepo, TEST_DID } from "../../../tests/support/repo.ts";
import { ManualClock } from "../../testing_clock.ts";
import { CAPTAIN, CREW } from "./hold_rows.ts";
import { readOwnHold, rereadOwnHold, rowsOfCommit } from "./own_hold.ts";
import { rowsBelow } from "../testing_rows.ts";
import { holdKeys } from "./kv_keys.ts";
import { CAPTAIN_RECORD, crewRecord, startTestHolds } from "./testing_holds.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const BOB: Did = "did:plc:bobbobbobbobbobbobbobbob";

/** Our own hold, over the store of `rig`. */
async function open(joins: boolean) {
  const clock = new ManualClock();
  const rig = await startTestHolds({ clock });
  const { repo } = await openTestRepo({
    kv: rig.kv,
    clock,
    ...(joins
      ? {
        join: (edits, rev) => rowsOfCommit(TEST_DID, edits, rev, clock.now()),
      }
      : {}),
  });
  const put = (collection: string, rkey: string, value: object) =>
    repo.apply([{
      action: "put",
      collection,
      rkey,
      value: value as Record<string, unknown>,
    }]);
  const crews = async (did: Did) => {
    const { items } = await rig.holds.crewOf(did, {});
    return items.map(({ crew }) => crew.permissions.join());
  };
  return { ...rig, repo, put, crews };
}

Deno.test("captain and crew of our own hold are known with the commit that writes them", async () => {
  using rig = await open(true);
  const { put, crews, repo } = rig;
  await put(CAPTAIN, "self", { ...CAPTAIN_RECORD, owner: ALICE });
  await put(CREW, "one", crewRecord(BOB, ["blob:read"]));
  const [held] = (await rig.holds.heldBy(ALICE, {})).items;
  assert.deepEqual([held?.did, held?.facts?.owner], [TEST_DID, ALICE]);
  assert.deepEqual(await crews(BOB), ["blob:read"]);
  await put(CREW, "one", crewRecord(BOB, ["blob:write"]));
  assert.deepEqual(await crews(BOB), ["blob:write"]);
  await put(CREW, "one", crewRecord(ALICE));
  assert.deepEqual(await crews(BOB), []);
  await repo.apply([{ action: "delete", collection: CREW, rkey: "one" }]);
  assert.deepEqual(await crews(ALICE), []);
  await put(CAPTAIN, "self", { ...CAPTAIN_RECORD, owner: BOB });
  assert.deepEqual((await rig.holds.heldBy(ALICE, {})).items, []);
  // A commit that is refused changes nothing.
  await assert.rejects(repo.apply([
    { action: "delete", collection: CAPTAIN, rkey: "self" },
    { action: "create", collection: CAPTAIN, rkey: "self", value: {} },
  ]));
  assert.equal((await rig.holds.heldBy(BOB, {})).items.length, 1);
  repo.close();
});

Deno.test("the records of a store of an earlier version are read once", async () => {
  using rig = await open(false);
  const { put, crews, repo } = rig;
  await put(CAPTAIN, "self", { ...CAPTAIN_RECORD, owner: ALICE });
  for (let i = 0; i < 150; i++) {
    await put(CREW, `r${String(i).padStart(3, "0")}`, crewRecord(BOB));
  }
  assert.deepEqual(await crews(BOB), []);
  await readOwnHold(rig, repo);
  assert.equal((await rig.holds.heldBy(ALICE, {})).items.length, 1);
  const page = await rig.holds.crewOf(BOB, { limit: 100 });
  const { cursor } = page;
  const rest = await rig.holds.crewOf(BOB, { limit: 100, cursor });
  assert.equal(page.items.length + rest.items.length, 150);
  // Later ones come with their commits.
  await put(CREW, "later", crewRecord(ALICE));
  await readOwnHold(rig, repo);
  assert.deepEqual(await crews(ALICE), []);
  repo.close();
});

Deno.test("a rebuild makes the rows of our own hold right, and leaves those of others", async () => {
  using rig = await open(true);
  const { kv, put, repo } = rig;
  await put(CAPTAIN, "self", { ...CAPTAIN_RECORD, owner: ALICE });
  for (const rkey of ["one", "two", "three"]) {
    await put(CREW, rkey, crewRecord(rkey === "two" ? ALICE : BOB));
  }
  const other: Did = "did:web:other.example.com";
  await kv.set(holdKeys.crew(other, "one"), { member: BOB, permissions: [] });
  await readOwnHold(rig, repo);
  const rows = async () => await rowsBelow(kv, ["index"]);
  const before = (await rows()).filter((row) => !row.includes("own_hold_read"));
  assert.ok(before.length >= 8, before.join("\n"));
  await kv.delete(holdKeys.hold(TEST_DID));
  await kv.delete(holdKeys.crew(TEST_DID, "one"));
  const [crew] = await Array.fromAsync(
    kv.list({ prefix: holdKeys.allCrew(TEST_DID) }),
  );
  await kv.set(holdKeys.crew(TEST_DID, "gone"), crew?.value);
  await rereadOwnHold(rig, repo);
  assert.deepEqual(
    (await rows()).filter((row) => !row.includes("own_hold_read")),
    before,
  );
  repo.close();
});
