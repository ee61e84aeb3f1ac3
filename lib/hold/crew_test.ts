import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { COLLECTIONS } from "./records.ts";
import { ALICE, BOB, CAPTAIN } from "./testing.ts";
import { openServices } from "./testing_services.ts";

const CLOSED = { settings: { allowAllCrew: false } };

Deno.test("a change of the crew by an admin takes effect at once", async () => {
  await using hold = await openServices(CLOSED);
  assert.equal((await hold.access.write(ALICE)).allowed, false);
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:write"] });
  assert.equal((await hold.access.write(ALICE)).allowed, true);
  await hold.crew.put(ALICE, { role: "reader", permissions: ["blob:read"] });
  assert.equal((await hold.access.write(ALICE)).allowed, false);
  assert.equal((await hold.access.read(ALICE)).allowed, true);
  assert.equal(await hold.crew.remove(ALICE), true);
  assert.equal((await hold.access.read(ALICE)).allowed, false);
  assert.equal(await hold.crew.remove(ALICE), false);
});

Deno.test("a changed member keeps the joining date and the tier", async () => {
  await using hold = await openServices(CLOSED);
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:write"] });
  const joined = (await hold.crew.find(ALICE))?.addedAt;
  hold.clock.advance(86_400_000);
  await hold.crew.setTier(ALICE, "bosun");
  const member = await hold.crew.find(ALICE);
  assert.equal(member?.addedAt, joined);
  assert.equal(member?.tier, "bosun");
  assert.deepEqual(member?.permissions, ["blob:write"]);
  assert.equal((await hold.all("crew")).length, 2);
});

Deno.test("all records of one member are removed together, under any keys", async () => {
  await using hold = await openServices(CLOSED);
  for (const rkey of ["3kabcdefghij2", "3kabcdefghik2"]) {
    await hold.records.apply([{
      action: "put",
      collection: COLLECTIONS.crew,
      rkey,
      value: {
        member: ALICE,
        role: "member",
        permissions: ["blob:write"],
        addedAt: "2026-01-01T00:00:00Z",
      },
    }]);
  }
  assert.equal((await hold.crew.request(ALICE)).status, "already_member");
  await hold.crew.remove(ALICE);
  assert.deepEqual(
    (await hold.all("crew")).map(({ value }) => value["member"]),
    [CAPTAIN],
  );
  assert.equal((await hold.access.write(ALICE)).allowed, false);
});

Deno.test("the captain cannot be removed", async () => {
  await using hold = await openServices(CLOSED);
  await assert.rejects(
    hold.crew.remove(CAPTAIN),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});

Deno.test("a crew of more than a page is listed completely", async () => {
  await using hold = await openServices(CLOSED);
  await hold.records.apply(
    Array.from({ length: 150 }, (_, i) => ({
      action: "put",
      collection: COLLECTIONS.crew,
      rkey: `k${i}`,
      value: {
        member: i === 149 ? BOB : `did:web:member${i}.example.com`,
        role: "member",
        permissions: ["blob:write"],
        addedAt: "2026-01-01T00:00:00Z",
      },
    })),
  );
  assert.equal((await Array.fromAsync(hold.crew.list())).length, 151);
  assert.equal((await hold.access.write(BOB)).allowed, true);
});
