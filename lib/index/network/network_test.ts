import assert from "node:assert/strict";
import fc from "fast-check";
import { AppError } from "../../errors.ts";
import {
  ALICE,
  BOB,
  NetworkRig,
  PROFILE,
  STAR,
  starOf,
  TAG,
} from "./testing_network.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

Deno.test("each change is applied once and in order, however often and late its event comes", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  const events = [
    repos.star(ALICE, "a", "one"),
    repos.star(ALICE, "a", "two"),
    repos.star(BOB, "a"),
    repos.write(ALICE, STAR, "a", undefined),
    repos.star(ALICE, "a", "three"),
  ];
  await rig.take(...events);
  assert.equal(handler.changes.length, 5);
  assert.deepEqual(handler.records, rig.expected());
  await rig.take(...events);
  await rig.take(...events.slice(0, 4));
  assert.equal(handler.changes.length, 5);
  // The order is promised for each account, not across accounts.
  const [first, ...others] = handler.changes.filter(({ did }) => did === ALICE);
  assert.deepEqual(
    others.map(({ record }) => record),
    [starOf("two"), undefined, starOf("three")],
  );
  assert.deepEqual(first, {
    did: ALICE,
    collection: STAR,
    rkey: "a",
    rev: first?.rev,
    cid: first?.cid,
    at: rig.clock.now(),
    record: starOf("one"),
  });
});

Deno.test("an account is listed when its first record comes, and only records of ours make it known", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  repos.write(ALICE, PROFILE, "self", { $type: PROFILE, displayName: "A" });
  for (const rkey of ["a", "b", "c", "d"]) repos.star(ALICE, rkey);
  await rig.take(
    repos.write(ALICE, PROFILE, "self", { $type: PROFILE, displayName: "B" }),
    repos.setStatus(ALICE, "active"),
  );
  assert.equal(await rig.work(), 0);
  await rig.take(repos.star(ALICE, "e"));
  assert.equal(handler.changes.length, 1);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
  assert.equal(handler.changes.length, 6);
  assert.equal(await rig.work(), 0);
});

Deno.test("what no event told of is found within about a week, what has gone too", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  for (const rkey of ["a", "b", "c", "d"]) {
    await rig.take(repos.star(ALICE, rkey));
  }
  await rig.work();
  const before = handler.changes.length;
  // Unheard of.
  repos.write(ALICE, STAR, "b", undefined);
  repos.star(ALICE, "c", "other");
  repos.star(ALICE, "x");
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
  assert.equal(handler.changes.length - before, 3);
  for (const rkey of ["c", "d", "x"]) {
    repos.write(ALICE, STAR, rkey, undefined);
  }
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

Deno.test("nothing counts as deleted where a PDS lists the records of another repo, or one page for ever", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  for (const rkey of ["a", "b", "c", "d", "e"]) {
    await rig.take(repos.star(ALICE, rkey));
  }
  await rig.work();
  const { pds } = repos.parts;
  const { listRecords } = pds;
  repos.write(ALICE, STAR, "e", undefined);
  for (
    const answer of [
      async () => ({ ...await listRecords("", BOB, STAR), records: [] }),
      async () => await listRecords("", ALICE, STAR),
    ]
  ) {
    pds.listRecords = answer;
    rig.clock.advance(8 * DAY);
    await rig.work();
    assert.equal(handler.records.size, 5);
  }
  pds.listRecords = listRecords;
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

Deno.test("a listing does not bring back what was deleted while it ran, nor take away what came", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  await rig.take(repos.star(ALICE, "a"), repos.star(ALICE, "b"));
  await rig.work();
  const gone = repos.write(ALICE, STAR, "a", undefined);
  const { pds } = repos.parts;
  const list = pds.listRecords;
  const old = await list("", ALICE, STAR);
  await rig.take(repos.tell(ALICE, "sync"));
  // The page is as of before what the stream brings meanwhile.
  pds.listRecords = async () => {
    await rig.take(gone, repos.star(ALICE, "c"));
    return { ...old, records: [...old.records] };
  };
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

Deno.test("a listing notices what no event told of the account", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  await rig.take(repos.star(ALICE, "a"));
  await rig.work();
  repos.setStatus(ALICE, "takendown");
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(handler.heard, ["alice takendown"]);
  assert.equal(handler.records.size, 1);
});

Deno.test("records that do not fit are ignored, and take away what they replace; early forms are taken", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  const early = { $type: STAR, subject: { did: BOB, repository: "app" } };
  await rig.take(
    repos.write(ALICE, STAR, "wrong", { $type: STAR, subject: 5 }),
    repos.write(ALICE, STAR, "none", null),
    repos.write(ALICE, TAG, "huge", { $type: TAG, tag: "x".repeat(1 << 20) }),
    repos.write(ALICE, STAR, "early", early),
    repos.star(ALICE, "good"),
    repos.write(ALICE, STAR, "good", { $type: STAR }),
  );
  assert.deepEqual([...handler.records.keys()], [`${ALICE}/${STAR}/early`]);
  assert.equal(rig.counts.invalid, 4);
});

Deno.test("no record makes the stream stop, whatever it is", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record({
      $type: fc.constantFrom(STAR, TAG, PROFILE, "__proto__"),
      subject: fc.oneof(fc.jsonValue(), fc.constant(starOf("app").subject)),
      createdAt: fc.oneof(
        fc.string(),
        fc.constantFrom("9999-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
      ),
      repository: fc.string(),
      tag: fc.string({ maxLength: 5_000 }),
    }),
  );
  const collection = fc.constantFrom(STAR, TAG, PROFILE);
  await fc.assert(
    fc.asyncProperty(collection, value, async (collection, value) => {
      await rig.take(repos.write(ALICE, collection, "self", value));
    }),
    { numRuns: 300 },
  );
  assert.equal(rig.counts.failed, undefined);
  for (const { record } of handler.changes) {
    assert.ok(record === undefined || typeof record === "object");
  }
});

Deno.test("of one account no more is kept than allowed", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  const stars = Array.from(
    { length: 150 },
    (_, i) => repos.star(ALICE, `s${i}`),
  );
  await rig.take(...stars, repos.star(BOB, "a"));
  await rig.work();
  assert.equal(handler.records.size, 101);
  await rig.take(
    repos.write(ALICE, STAR, "s0", undefined),
    repos.star(ALICE, "s149", "other"),
    repos.star(ALICE, "last"),
  );
  assert.equal(handler.records.size, 101);
  assert.ok(!handler.records.has(`${ALICE}/${STAR}/s0`));
});

Deno.test("an account that changes too much is listed an hour later", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  const events = Array.from({ length: 6_000 }, () => repos.star(ALICE, "a"));
  await rig.take(...events, repos.star(BOB, "a"));
  assert.equal(rig.counts.too_fast, 1_000);
  assert.ok(handler.records.has(`${BOB}/${STAR}/a`));
  rig.clock.advance(HOUR);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

Deno.test("a change that cannot be applied keeps nothing else, and is listed later", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  handler.before = ({ did }) => {
    if (did === ALICE) throw new TypeError("a mistake");
  };
  await rig.take(repos.star(ALICE, "a"), repos.star(BOB, "a"));
  assert.deepEqual([...handler.records.keys()], [`${BOB}/${STAR}/a`]);
  assert.equal(rig.counts.failed, 1);
  handler.before = () => {};
  rig.clock.advance(HOUR);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

Deno.test("while the store cannot be used the stream waits", async () => {
  await using rig = await NetworkRig.start();
  rig.handler.before = () => {
    throw new AppError("STORAGE_FULL", "The disk is full.");
  };
  const event = rig.repos.star(ALICE, "a");
  await assert.rejects(rig.take(event), /disk is full/);
  rig.handler.before = () => {};
  await rig.take(event);
  assert.deepEqual(rig.handler.records, rig.expected());
});

Deno.test("an account without a valid record is forgotten until it has one", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  repos.write(ALICE, PROFILE, "self", { $type: PROFILE, displayName: "A" });
  await rig.take(repos.write(ALICE, STAR, "junk", { $type: STAR }));
  assert.ok(await rig.network.accounts.get(ALICE));
  await rig.work();
  assert.equal(await rig.network.accounts.get(ALICE), undefined);
  assert.equal(handler.records.size, 0);
  await rig.take(repos.star(ALICE, "a"));
  await rig.work();
  assert.equal(handler.records.size, 2);
  await rig.take(repos.write(ALICE, STAR, "a", undefined));
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.equal(handler.records.size, 0);
  assert.equal(await rig.network.accounts.get(ALICE), undefined);
  assert.equal(await rig.work(), 0);
});

Deno.test("a repo that cannot be listed is left for the next week", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  repos.star(ALICE, "old");
  repos.down = true;
  await rig.take(repos.star(ALICE, "a"));
  for (let i = 0; i < 60; i++) {
    await rig.work();
    rig.clock.advance(HOUR);
  }
  assert.equal(rig.counts.failed, 1);
  repos.down = false;
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(handler.records, rig.expected());
});

/** What can happen, as numbers that a test can shrink. */
const step = fc.record({
  did: fc.constantFrom(ALICE, BOB),
  rkey: fc.constantFrom("a", "b", "c", "d"),
  what: fc.constantFrom("star", "star", "delete", "bad"),
  /** How it is heard: once, twice, later, or by listing only. */
  heard: fc.constantFrom("once", "twice", "again", "never", "sync"),
});

Deno.test("the index ends as the repos are, however events are repeated and lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using rig = await NetworkRig.start();
      const { repos, handler } = rig;
      rig.relayPages = [[ALICE], [BOB]];
      rig.restart();
      const heard: typeof repos.events = [];
      for (const { did, rkey, what, heard: how } of steps) {
        const value = what === "star"
          ? starOf(`${heard.length}`)
          : what === "bad"
          ? { $type: STAR }
          : undefined;
        const event = repos.write(did, STAR, rkey, value);
        if (how === "never") continue;
        heard.push(event);
        const events = how === "twice"
          ? [event, event]
          : how === "again"
          ? heard.slice(-5)
          : how === "sync"
          ? [event, repos.tell(did, "sync")]
          : [event];
        await rig.take(...events);
        if (how === "sync") await rig.work();
      }
      rig.clock.advance(8 * DAY);
      await rig.listAll();
      await rig.work();
      const wanted = [...repos.repos].flatMap(([did, { records }]) =>
        [...records].filter(([, { value }]) =>
          typeof value === "object" && value !== null && "subject" in value
        ).map(([path]) => `${did}/${path}`)
      );
      assert.deepEqual(
        [...handler.records.keys()].toSorted(),
        wanted.toSorted(),
      );
      for (const [path, cid] of handler.records) {
        assert.equal(cid, rig.expected().get(path));
      }
    }),
    { numRuns: 60 },
  );
});
