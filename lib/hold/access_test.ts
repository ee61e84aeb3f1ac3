import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import { HoldAccess } from "./access.ts";
import { bootstrapHold, type HoldSettings } from "./bootstrap.ts";
import { COLLECTIONS, crewRkey, SELF } from "./records.ts";
import { ALICE, BOB, CAPTAIN, openRepo } from "./testing.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";

const SETTINGS: HoldSettings = {
  ownerDid: CAPTAIN,
  public: false,
  allowAllCrew: false,
  enableBlueskyPosts: false,
};

async function openAccess(settings: Partial<HoldSettings> = {}) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const records = await openRepo({ kv, clock });
  const start = (changes: Partial<HoldSettings> = {}) =>
    bootstrapHold({ records, clock, log: silentLogger }, {
      ...SETTINGS,
      ...settings,
      ...changes,
    });
  await start();
  return {
    records,
    clock,
    start,
    access: new HoldAccess({ records, clock }),
    addCrew: (member: Did, permissions: string[], rkey = crewRkey(member)) =>
      records.apply([{
        action: "put",
        collection: COLLECTIONS.crew,
        rkey,
        value: {
          member,
          role: "member",
          permissions,
          addedAt: "2026-01-01T00:00:00Z",
        },
      }]),
    [Symbol.dispose]: () => kv.close(),
  };
}

/** Callers: anonymous, the captain, crew members with permissions, any signed-in account. */
const PEOPLE: Record<string, string[] | undefined> = {
  anonymous: undefined,
  captain: undefined,
  "crew blob:read": ["blob:read"],
  "crew blob:write": ["blob:write"],
  "crew blob:read blob:write": ["blob:read", "blob:write"],
  "crew crew:admin": ["crew:admin"],
  "crew without permissions": [],
  "not crew": undefined,
};

// Columns: read a public hold, read a private one, write, administer, and the
// same four with `allowAllCrew`. 1 is allowed.
const MATRIX: Record<string, string> = {
  anonymous: "1000 1000",
  captain: "1111 1111",
  "crew blob:read": "1100 1100",
  "crew blob:write": "1110 1110",
  "crew blob:read blob:write": "1110 1110",
  "crew crew:admin": "1111 1111",
  "crew without permissions": "1000 1000",
  "not crew": "1000 1110",
};

for (const [person, cells] of Object.entries(MATRIX)) {
  for (const [column, allowAllCrew] of [[0, false], [1, true]] as const) {
    const wanted = cells.split(" ")[column];
    Deno.test(`${person}${allowAllCrew ? ", all are crew" : ""}: ${wanted}`, async () => {
      const answers: boolean[] = [];
      for (const isPublic of [true, false]) {
        using hold = await openAccess({ public: isPublic, allowAllCrew });
        const permissions = PEOPLE[person];
        if (permissions) await hold.addCrew(ALICE, permissions);
        const did = person === "anonymous"
          ? undefined
          : person === "captain"
          ? CAPTAIN
          : ALICE;
        const read = await hold.access.read(did);
        const write = await hold.access.write(did);
        const admin = await hold.access.admin(did);
        if (isPublic) answers.push(read.allowed);
        else answers.push(read.allowed, write.allowed, admin.allowed);
      }
      assert.equal(answers.map(Number).join(""), wanted);
    });
  }
}

Deno.test("a refusal names the hold, the account and whom to ask", async () => {
  using hold = await openAccess();
  const refused = await hold.access.write(ALICE);
  assert.ok(!refused.allowed);
  for (const part of [ALICE, CAPTAIN, "blob:write", "hold.example.com"]) {
    assert.ok(refused.reason.includes(part), refused.reason);
  }
  const anonymous = await hold.access.read(undefined);
  assert.ok(!anonymous.allowed && /private; sign in/.test(anonymous.reason));
});

Deno.test("a member is found under a record key of another tool", async () => {
  using hold = await openAccess();
  await hold.addCrew(ALICE, ["blob:write"], "3kabcdefghij2");
  assert.equal((await hold.access.write(ALICE)).allowed, true);
  assert.equal((await hold.access.write(BOB)).allowed, false);
});

Deno.test("a record under another account's key grants that account nothing", async () => {
  using hold = await openAccess();
  await hold.addCrew(ALICE, ["blob:write"], crewRkey(BOB));
  assert.equal((await hold.access.write(BOB)).allowed, false);
  assert.equal((await hold.access.write(ALICE)).allowed, true);
});

Deno.test("a member of a did:web with a port gets a legal record key", async () => {
  using hold = await openAccess();
  const did: Did = "did:web:localhost%3A3000";
  await hold.addCrew(did, ["blob:write"]);
  assert.equal((await hold.access.write(did)).allowed, true);
});

Deno.test("a removed member loses access within seconds, and at once after invalidate", async () => {
  for (const rkey of [crewRkey(ALICE), "3kabcdefghij2"]) {
    using hold = await openAccess();
    await hold.addCrew(ALICE, ["blob:write"], rkey);
    assert.equal((await hold.access.write(ALICE)).allowed, true);
    const { crew: collection } = COLLECTIONS;
    await hold.records.apply([{ action: "delete", collection, rkey }]);
    hold.clock.advance(5_000);
    assert.equal((await hold.access.write(ALICE)).allowed, false, rkey);
    await hold.addCrew(ALICE, ["blob:write"]);
    hold.access.invalidate();
    assert.equal((await hold.access.write(ALICE)).allowed, true);
  }
});

Deno.test("a hold without captain refuses everybody", async () => {
  using hold = await openAccess({ public: true });
  await hold.records.apply([
    { action: "delete", collection: COLLECTIONS.captain, rkey: SELF },
  ]);
  for (const did of [undefined, CAPTAIN, ALICE]) {
    assert.equal((await hold.access.read(did)).allowed, false);
    assert.equal((await hold.access.write(did)).allowed, false);
  }
});

Deno.test("a start writes captain and owner in one commit, and the next start nothing", async () => {
  using hold = await openAccess({ region: "iad" });
  const first = await hold.records.head();
  const captain = await hold.records.getRecord(COLLECTIONS.captain, SELF);
  assert.equal(captain?.value["owner"], CAPTAIN);
  assert.equal(captain?.value["region"], "iad");
  const owner = await hold.records.getRecord(
    COLLECTIONS.crew,
    crewRkey(CAPTAIN),
  );
  assert.equal(owner?.value["role"], "admin");
  hold.clock.advance(86_400_000);
  await hold.start();
  assert.deepEqual(await hold.records.head(), first);
});

Deno.test("differences from the configuration are written, unknown fields stay", async () => {
  using hold = await openAccess();
  const before = await hold.records.getRecord(COLLECTIONS.captain, SELF);
  await hold.records.apply([{
    action: "put",
    collection: COLLECTIONS.captain,
    rkey: SELF,
    value: {
      ...before?.value,
      public: true,
      successor: "did:web:next.example",
    },
  }]);
  await hold.start({ enableBlueskyPosts: true });
  const after = await hold.records.getRecord(COLLECTIONS.captain, SELF);
  assert.deepEqual(after?.value, {
    ...before?.value,
    enableBlueskyPosts: true,
    successor: "did:web:next.example",
  });
});

Deno.test("setting the clock back does not restore access of a former member", async () => {
  using t = await openAccess();
  await t.addCrew(BOB, ["blob:read"]);
  t.clock.advance(86_400_000);
  assert.ok(await t.access.member(BOB));
  t.clock.setBack(86_400_000);
  // Another instance removes the record without notifying this one.
  await t.records.apply([{
    action: "delete",
    collection: COLLECTIONS.crew,
    rkey: crewRkey(BOB),
  }]);
  assert.equal(await t.access.member(BOB), undefined);
});

Deno.test("a member or captain whose DID has another spelling keeps their rights", async () => {
  using hold = await openAccess({ ownerDid: "did:web:Captain.Example.COM" });
  await hold.addCrew(
    "did:web:Example.COM",
    ["blob:write"],
    "written-elsewhere",
  );
  const { access } = hold;
  assert.equal((await access.write("did:web:example.com")).allowed, true);
  assert.equal(
    (await access.admin("did:web:captain.example.com")).allowed,
    true,
  );
  assert.equal((await access.write("did:web:example.org")).allowed, false);
});
