import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { JobRunner } from "../../kv/jobs/job_runner.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { Actor } from "./actor_rows.ts";
import { Actors, PERSON_LOOK_UP, PERSON_REMOVAL } from "./actors.ts";
import { MemoryRepo } from "./testing_repo.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const BSKY = "app.bsky.actor.profile";
const TANGLED = "sh.tangled.actor.profile";

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const repo = new MemoryRepo(ALICE);
  const handles = new Map<string, string>([[ALICE, "alice.example.com"]]);
  const changed: Actor[] = [];
  const removed: Did[] = [];
  const actors = new Actors({
    kv,
    clock,
    identities: {
      resolve: (did) => {
        const handle = handles.get(did);
        if (!handle) throw new AppError("NAME_UNKNOWN", "Nobody.");
        const identity: Identity = identityOf(did as Did, {
          handle,
          pds: repo.pds,
        });
        return Promise.resolve(identity);
      },
    },
    pds: repo.reader,
    avatarUrl: (did) => `https://registry.example.com/${did}`,
    onChanged: (actor) => {
      changed.push(actor);
      return Promise.resolve();
    },
    watch: UNWATCHED,
  });
  const jobs = new JobRunner({ kv, clock, log: silentLogger });
  jobs.register(
    PERSON_LOOK_UP,
    ({ did }, run) => actors.lookUp(did, run.signal),
  );
  jobs.register(PERSON_REMOVAL, ({ did }) => {
    removed.push(did);
    return actors.forget(did);
  });
  return {
    kv,
    clock,
    repo,
    handles,
    changed,
    removed,
    actors,
    jobs,
    one: async (did: Did) => (await actors.many([did]))[0],
    profile: (collection: string, rev: string, record: unknown, did = ALICE) =>
      actors.apply({
        did,
        collection,
        rkey: "self",
        rev,
        cid: undefined,
        at: clock.now(),
        record,
      }),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a stranger is looked up once, and has a name the next time", async () => {
  using t = await open();
  t.repo.put(BSKY, "self", {
    displayName: " Alice\n A. ",
    description: "Builds images.",
  });
  assert.equal((await t.one(ALICE))?.handle, undefined);
  await t.one(ALICE);
  assert.equal(await t.jobs.runDue(), 1);
  assert.deepEqual(await t.one(ALICE), {
    did: ALICE,
    handle: "alice.example.com",
    name: "Alice A.",
    bio: "Builds images.",
    avatarUrl: `https://registry.example.com/${ALICE}`,
    status: "active",
  });
  assert.equal(await t.jobs.runDue(), 0);
});

Deno.test("nobody is made of a DID that leads nowhere", async () => {
  using t = await open();
  await t.one(BOB);
  await t.jobs.runDue();
  const bob = await t.one(BOB);
  assert.equal(bob?.handle, undefined);
  assert.equal(await t.jobs.runDue(), 0);
});

Deno.test("profiles of people that nobody here knows are not kept", async () => {
  using t = await open();
  await t.profile(BSKY, "3l2", { displayName: "Bob" }, BOB);
  assert.deepEqual(t.changed, []);
  for await (const { key } of t.kv.list({ prefix: ["index"] })) {
    assert.fail(key.join(" "));
  }
});

Deno.test("Bluesky's profile counts first, and an older event never overwrites a newer one", async () => {
  using t = await open();
  await t.actors.meet(ALICE, "alice.example.com");
  await t.profile(TANGLED, "3l2", { description: "of Tangled" });
  assert.equal((await t.one(ALICE))?.bio, "of Tangled");
  await t.profile(BSKY, "3l4", { description: "new" });
  await t.profile(BSKY, "3l3", { description: "old" });
  await t.profile(BSKY, "3l4", { description: "again" });
  assert.equal((await t.one(ALICE))?.bio, "new");
  await t.profile(BSKY, "3l5", undefined);
  assert.equal((await t.one(ALICE))?.bio, "of Tangled");
});

Deno.test("hostile profiles are cut and cleaned", async () => {
  using t = await open();
  await t.actors.meet(ALICE, "alice.example.com");
  await t.profile(BSKY, "3l2", {
    displayName: "\u202e" + "🚢".repeat(200),
    description: 7,
    avatar: "x",
  });
  const alice = await t.one(ALICE);
  assert.equal([...alice?.name ?? ""].length, 64);
  assert.ok(!alice?.name?.includes("\u202e"));
  assert.equal(alice?.bio, undefined);
  await t.profile(BSKY, "3l3", ["nothing"]);
  assert.equal((await t.one(ALICE))?.name, undefined);
});

Deno.test("a former handle leads to its account, until another takes it", async () => {
  using t = await open();
  const former = () => t.actors.byFormerHandle("Alice.example.com");
  await t.actors.meet(ALICE, "alice.example.com");
  await t.actors.meet(BOB, "bob.example.com");
  assert.equal(await former(), undefined);
  t.clock.advance(1_000);
  await t.actors.identity(ALICE, "new.example.com", t.clock.now());
  assert.equal((await t.one(ALICE))?.handle, "new.example.com");
  assert.equal(await former(), ALICE);
  t.clock.advance(1_000);
  await t.actors.identity(BOB, "alice.example.com", t.clock.now());
  assert.equal(await former(), undefined);
  // An event of before comes again.
  await t.actors.identity(ALICE, "alice.example.com", t.clock.now() - 2_000);
  assert.equal((await t.one(ALICE))?.handle, "new.example.com");
  t.clock.advance(1_000);
  await t.actors.identity(ALICE, undefined, t.clock.now());
  assert.equal((await t.one(ALICE))?.handle, undefined);
  t.clock.advance(91 * 86_400_000);
  assert.equal(await t.actors.byFormerHandle("new.example.com"), undefined);
});

Deno.test("of a deactivated account only the handle is shown, until it comes back", async () => {
  using t = await open();
  await t.actors.meet(ALICE, "alice.example.com");
  await t.profile(BSKY, "3l2", { displayName: "Alice" });
  t.clock.advance(1_000);
  await t.actors.account(ALICE, "deactivated", t.clock.now());
  assert.deepEqual(await t.one(ALICE), {
    did: ALICE,
    handle: "alice.example.com",
    name: undefined,
    bio: undefined,
    avatarUrl: undefined,
    status: "deactivated",
  });
  await t.actors.account(ALICE, "active", t.clock.now() - 1_000);
  assert.equal((await t.one(ALICE))?.status, "deactivated");
  await t.actors.account(ALICE, "active", t.clock.now());
  assert.equal((await t.one(ALICE))?.name, "Alice");
  assert.deepEqual(t.removed, []);
});

Deno.test("a deleted account is removed by a job, and one that nobody knows is not", async () => {
  using t = await open();
  await t.actors.account(BOB, "deleted", t.clock.now());
  await t.actors.meet(ALICE, "alice.example.com");
  await t.jobs.runDue();
  t.clock.advance(1_000);
  await t.actors.account(ALICE, "deleted", t.clock.now());
  await t.jobs.runDue();
  assert.deepEqual(t.removed, [ALICE]);
  assert.equal((await t.one(ALICE))?.status, "active");
});
