import assert from "node:assert/strict";
import fc from "fast-check";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import type { RecordChange } from "../record_change.ts";
import { StarIndex } from "./star_index.ts";
import type { Star } from "./star_rows.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ACTORS: readonly Did[] = [
  "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
  "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb",
  "did:web:c.example.com",
];
const OWNER: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const REPOS = ["app", "team/app"];
const COLLECTION = "io.atcr.sailor.star";
const never = new AbortController().signal;

const pageOf = (repo: string) =>
  `at://${OWNER}/io.atcr.repo.page/${repo.replaceAll("/", "~")}`;

/** A star record in either form. */
function record(repo: string, createdAt: number, old = false) {
  return {
    $type: COLLECTION,
    subject: old ? { did: OWNER, repository: repo } : pageOf(repo),
    createdAt: new Date(createdAt).toISOString(),
  };
}

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const heard: { star: Star; by: number }[] = [];
  const index = new StarIndex({
    kv,
    clock,
    observer: { starred: (_commit, star, by) => heard.push({ star, by }) },
    onStars: () => Promise.resolve(),
    watch: UNWATCHED,
  });
  const change = (
    did: Did,
    rkey: string,
    rev: number | undefined,
    value: unknown,
  ): RecordChange => ({
    did,
    collection: COLLECTION,
    rkey,
    rev: rev === undefined ? undefined : `3l${String(rev).padStart(11, "2")}`,
    cid: undefined,
    at: clock.now(),
    record: value,
  });
  const count = async (repo: string) =>
    (await index.counts([{ did: OWNER, repo }]))[0];
  return {
    clock,
    kv,
    index,
    heard,
    change,
    count,
    [Symbol.dispose]: () => kv.close(),
  };
}

/** All rows but those of records that are gone. */
async function rows(kv: Kv): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, value } of kv.list<unknown>({ prefix: ["index"] })) {
    const gone = key[2] === "star_record" &&
      !(typeof value === "object" && value !== null && "star" in value);
    const empty = value instanceof Deno.KvU64 && value.value === 0n;
    if (!gone && !empty) found.push(key.join(" "));
  }
  return found;
}

Deno.test("a star is counted in both forms of the record, and taken back with it", async () => {
  using t = await open();
  const [alice, bob] = ACTORS;
  assert(alice && bob);
  const at = t.clock.now();
  await t.index.apply(t.change(alice, "a", 1, record("team/app", at)));
  await t.index.apply(t.change(bob, "b", 1, record("team/app", at, true)));
  assert.equal(await t.count("team/app"), 2);
  assert.deepEqual(
    await t.index.records(alice, { did: OWNER, repo: "team/app" }),
    ["a"],
  );
  await t.index.apply(t.change(alice, "a", 2, undefined));
  assert.equal(await t.count("team/app"), 1);
  assert.equal(
    await t.index.records(alice, { did: OWNER, repo: "team/app" }),
    undefined,
  );
  assert.deepEqual(t.heard.map(({ by }) => by), [1, 1, -1]);
});

Deno.test("two records of one account are one star, and one of them keeps it", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  const at = t.clock.now();
  await t.index.apply(t.change(alice, "late", 1, record("app", at)));
  await t.index.apply(t.change(alice, "early", 2, record("app", at - 1_000)));
  assert.equal(await t.count("app"), 1);
  const { items } = await t.index.byActor(alice, {});
  assert.deepEqual(items.map((star) => star.at), [at - 1_000]);
  await t.index.apply(t.change(alice, "early", 3, undefined));
  assert.equal(await t.count("app"), 1);
  await t.index.apply(t.change(alice, "late", 4, undefined));
  assert.equal(await t.count("app"), 0);
  assert.deepEqual(await rows(t.kv), []);
});

Deno.test("a record that changes its subject moves the star", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  const at = t.clock.now();
  await t.index.apply(t.change(alice, "r", 1, record("app", at)));
  await t.index.apply(t.change(alice, "r", 2, record("team/app", at)));
  assert.equal(await t.count("app"), 0);
  assert.equal(await t.count("team/app"), 1);
});

Deno.test("what is no star of a repository is none, and takes back what the record said before", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  await t.index.apply(
    t.change(alice, "r", 1, record("app", t.clock.now())),
  );
  const bad: unknown[] = [
    { subject: 7 },
    { subject: "at://alice.example.com/io.atcr.repo.page/app" },
    { subject: `at://${OWNER}/app.bsky.feed.post/app` },
    { subject: pageOf("UPPER") },
    { subject: { did: "nobody", repository: "app" } },
    { subject: { did: OWNER, repository: "a".repeat(300) } },
    [],
    "text",
    null,
  ];
  for (const [i, value] of bad.entries()) {
    await t.index.apply(t.change(alice, "r", 2 + i, value));
    assert.equal(await t.count("app"), 0, JSON.stringify(value));
  }
});

Deno.test("a star of the future counts from when it was seen", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  const now = t.clock.now();
  await t.index.apply(t.change(alice, "r", 1, record("app", now + 1e12)));
  const { items } = await t.index.byActor(alice, {});
  assert.equal(items[0]?.at, now);
});

Deno.test("a listing neither revives what is gone nor ends what is newer", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  const star = record("app", t.clock.now());
  const listed = t.change(alice, "r", undefined, star);
  t.clock.advance(1_000);
  await t.index.apply(t.change(alice, "r", 2, undefined));
  await t.index.apply(listed);
  assert.equal(await t.count("app"), 0);
  t.clock.advance(1_000);
  await t.index.apply(t.change(alice, "r", undefined, star));
  assert.equal(await t.count("app"), 1);
  // The event of the deletion comes once more.
  await t.index.apply(t.change(alice, "r", 2, undefined));
  assert.equal(await t.count("app"), 1);
});

Deno.test("stars are listed page by page, those of an account newest first", async () => {
  using t = await open();
  const start = t.clock.now();
  for (const [i, actor] of ACTORS.entries()) {
    for (const [j, repo] of REPOS.entries()) {
      const at = start - (10 * i + j) * 1_000;
      await t.index.apply(t.change(actor, repo.slice(-4), 1, record(repo, at)));
      await t.index.apply(t.change(actor, `${j}`, 1, record(repo, at)));
    }
  }
  const seen: Did[] = [];
  let cursor: string | undefined;
  do {
    const page = await t.index.byRepository(
      { did: OWNER, repo: "app" },
      { limit: 2, cursor },
    );
    seen.push(...page.items.map(({ actor }) => actor));
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(seen, [...ACTORS].sort());
  const [alice] = ACTORS;
  assert(alice);
  const first = await t.index.byActor(alice, { limit: 1 });
  assert.deepEqual(first.items.map(({ repo }) => repo), ["app"]);
  const second = await t.index.byActor(alice, {
    limit: 1,
    cursor: first.cursor,
  });
  assert.deepEqual(second.items.map(({ repo }) => repo), ["team/app"]);
  assert.equal(second.cursor, undefined);
});

Deno.test("a bad cursor or limit is refused", async () => {
  using t = await open();
  const [alice] = ACTORS;
  assert(alice);
  const bad = ["", "x", "W10", btoa("[1]"), btoa('["a","b","c"]')];
  for (const cursor of bad) {
    await assert.rejects(
      t.index.byActor(alice, { cursor }),
      { code: "INVALID_REQUEST" },
    );
  }
  for (const limit of [0, 101, 1.5]) {
    await assert.rejects(t.index.byActor(alice, { limit }), {
      code: "INVALID_REQUEST",
    });
  }
});

Deno.test("the stars of a deleted account go, and those of its repositories", async () => {
  using t = await open();
  const [alice, bob] = ACTORS;
  assert(alice && bob);
  const at = t.clock.now();
  await t.index.apply(t.change(alice, "1", 1, record("app", at)));
  await t.index.apply(t.change(bob, "1", 1, record("app", at)));
  await t.index.forget(alice, never);
  assert.equal(await t.count("app"), 1);
  assert.deepEqual((await t.index.byActor(alice, {})).items, []);
  await t.index.forget(OWNER, never);
  assert.equal(await t.count("app"), 0);
  assert.deepEqual(await rows(t.kv), []);
});

/** What one account does to its records, in order. */
const step = fc.record({
  actor: fc.nat(ACTORS.length - 1),
  rkey: fc.constantFrom("1", "2", "__proto__"),
  repo: fc.option(fc.constantFrom(...REPOS), { nil: undefined }),
  old: fc.boolean(),
});

Deno.test("however often and in whatever order events come, each account counts once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.array(fc.nat(1_000), { maxLength: 60 }),
      async (history, shuffle) => {
        using t = await open();
        const start = t.clock.now();
        t.clock.advance(3_600_000);
        const events = history.map(({ actor, rkey, repo, old }, i) =>
          t.change(
            ACTORS[actor] ?? OWNER,
            rkey,
            i,
            repo && record(repo, start + i, old),
          )
        );
        const repeated = events.length === 0
          ? []
          : shuffle.map((n) => events[n % events.length]);
        const order = (i: number) => shuffle[i] ?? i;
        const reordered = events.map((event, i) => ({ event, at: order(i) }))
          .sort((a, b) => b.at - a.at).map(({ event }) => event);
        for (const event of [...repeated, ...reordered]) {
          if (event) await t.index.apply(event);
        }
        const records = new Map<string, string | undefined>();
        for (const { actor, rkey, repo } of history) {
          records.set(`${actor} ${rkey}`, repo);
        }
        for (const repo of REPOS) {
          const actors = [...records].filter(([, starred]) => starred === repo)
            .map(([key]) => key.split(" ")[0]);
          assert.equal(await t.count(repo), new Set(actors).size);
          const { items } = await t.index.byRepository(
            { did: OWNER, repo },
            {},
          );
          assert.equal(items.length, new Set(actors).size);
          const net = t.heard.filter(({ star }) => star.repo === repo)
            .reduce((sum, { by }) => sum + by, 0);
          assert.equal(net, items.length);
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("instances that hear the same events at once count them once", async () => {
  using t = await open();
  const events = ACTORS.flatMap((actor) =>
    ["1", "2"].map((rkey) =>
      t.change(actor, rkey, 1, record("app", t.clock.now()))
    )
  );
  await Promise.all([...events, ...events, ...events].map((e) => {
    return t.index.apply(e);
  }));
  assert.equal(await t.count("app"), ACTORS.length);
});
