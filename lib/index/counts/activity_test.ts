import assert from "node:assert/strict";
import fc from "fast-check";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { Activities } from "./activity.ts";
import { activityRows, noteStar } from "./activity_rows.ts";
import { countKeys } from "./kv_keys.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const CAROL: Did = "did:plc:cccccccccccccccccccccccc";
const OPEN: Did = "did:web:open.example.com";
const CLOSED: Did = "did:web:closed.example.com";
const DAY = 86_400_000;
const anybody = () => Promise.resolve(true);

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const activities = new Activities({
    kv,
    clock,
    visible: (refs, mayRead) =>
      Promise.all(
        refs.map(({ repo }) =>
          repo !== "gone" && mayRead(repo === "secret" ? CLOSED : OPEN)
        ),
      ),
    shown: (dids) => Promise.resolve(dids.map((did) => did !== CAROL)),
    watch: UNWATCHED,
  });
  return {
    clock,
    kv,
    activities,
    tag: (tag: string, at: number, repository = "app", did = ALICE) =>
      activities.apply({
        ...{ did, collection: "io.atcr.tag", rkey: tag, rev: "3l2" },
        cid: undefined,
        at: clock.now(),
        record: {
          repository,
          tag,
          manifest: `at://${did}/io.atcr.manifest/${"a".repeat(64)}`,
          updatedAt: new Date(at).toISOString(),
        },
      }),
    all: async (mayRead: (hold: Did) => Promise<boolean> = anybody) =>
      (await activities.all({}, mayRead)).items,
    pushes: async () =>
      Number(await kv.counter(countKeys.pushes(ALICE, "app"))),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a pushed tag is listed and counted once, however often it is heard of", async () => {
  using t = await open();
  const at = t.clock.now();
  await t.tag("v1", at);
  await t.tag("v1", at);
  await t.activities.pushed({
    ...{ did: ALICE, repo: "app", tag: "v1", at },
    digest: `sha256:${"a".repeat(64)}`,
  });
  assert.deepEqual(await t.all(), [{
    kind: "push",
    actor: ALICE,
    did: ALICE,
    repo: "app",
    tag: "v1",
    digest: `sha256:${"a".repeat(64)}`,
    at,
  }]);
  assert.equal(await t.pushes(), 1);
  t.clock.advance(1_000);
  await t.tag("v1", t.clock.now());
  assert.equal(await t.pushes(), 2);
});

Deno.test("a push that is listed by its own commit first is counted all the same", async () => {
  using t = await open();
  const push = {
    ...{ did: ALICE, repo: "app", tag: "v1", at: t.clock.now() },
    digest: `sha256:${"a".repeat(64)}`,
  };
  const activity = { ...push, kind: "push", actor: ALICE } as const;
  for (const { key, row } of activityRows(activity, t.clock.now())) {
    await t.kv.set(key, row);
  }
  assert.equal((await t.all()).length, 1);
  await t.activities.pushed(push);
  assert.equal((await t.all()).length, 1);
  assert.equal(await t.pushes(), 1);
});

Deno.test("signatures, the future, the distant past and bad names are no activity", async () => {
  using t = await open();
  const now = t.clock.now();
  await t.tag(`sha256-${"a".repeat(64)}.sig`, now);
  await t.tag("v1", now + DAY);
  await t.tag("v1", now - 401 * DAY);
  await t.tag("not a tag", now);
  await t.tag("v1", now, "Not/A/Name");
  assert.deepEqual(await t.all(), []);
  assert.equal(await t.pushes(), 0);
});

Deno.test("everything is listed for 30 days, what an account did for 400", async () => {
  using t = await open();
  await t.tag("v1", t.clock.now());
  t.clock.advance(30 * DAY);
  assert.deepEqual(await t.all(), []);
  const mine = () => t.activities.ofAccount(ALICE, {}, anybody);
  assert.equal((await mine()).items.length, 1);
  t.clock.advance(370 * DAY);
  assert.equal((await mine()).items.length, 0);
});

Deno.test("what lies in a private hold is shown to those who may pull", async () => {
  using t = await open();
  const start = t.clock.now();
  for (const [i, repo] of ["app", "secret", "gone", "secret"].entries()) {
    await t.tag(`v${i}`, start - i * 1_000, repo);
  }
  const ask = (readers: readonly Did[]) => (hold: Did) =>
    Promise.resolve(readers.includes(hold));
  const repos = async (readers: readonly Did[]) =>
    (await t.all(ask(readers))).map(({ repo }) => repo);
  assert.deepEqual(await repos([OPEN]), ["app"]);
  assert.deepEqual(await repos([OPEN, CLOSED]), ["app", "secret", "secret"]);
});

Deno.test("activity is read page by page, newest first", async () => {
  using t = await open();
  const start = t.clock.now();
  for (let i = 0; i < 5; i++) await t.tag(`v${i}`, start - i * 1_000);
  const tags: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await t.activities.all({ limit: 2, cursor }, anybody);
    tags.push(
      ...page.items.flatMap((one) => one.kind === "push" ? [one.tag] : []),
    );
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(tags, ["v0", "v1", "v2", "v3", "v4"]);
});

Deno.test("a star is activity of who gives it, until it is taken back", async () => {
  using t = await open();
  const star = { actor: BOB, did: ALICE, repo: "app", at: t.clock.now() };
  const note = async (by: 1 | -1) => {
    const commit = t.kv.atomic();
    noteStar(commit, star, by, t.clock.now());
    await commit.commit();
  };
  await note(1);
  assert.deepEqual(await t.all(), [{ kind: "star", ...star }]);
  const ofBob = await t.activities.ofAccount(BOB, {}, anybody);
  assert.equal(ofBob.items.length, 1);
  t.clock.advance(60 * DAY);
  await note(-1);
  assert.deepEqual(await t.all(), []);
  const day = Math.floor(star.at / DAY);
  assert.equal(await t.kv.counter(countKeys.starsOn(day, ALICE, "app")), 0n);
});

Deno.test("what an account did that the network does not show is not listed", async () => {
  using t = await open();
  const star = { actor: CAROL, did: ALICE, repo: "app", at: t.clock.now() };
  const commit = t.kv.atomic();
  noteStar(commit, star, 1, t.clock.now());
  await commit.commit();
  assert.deepEqual(await t.all(), []);
});

Deno.test("hostile records of tags never throw", async () => {
  using t = await open();
  await fc.assert(fc.asyncProperty(fc.jsonValue(), async (record) => {
    await t.activities.apply({
      ...{ did: ALICE, collection: "io.atcr.tag", rkey: "x", rev: "3l2" },
      cid: undefined,
      at: t.clock.now(),
      record,
    });
  }));
  assert.deepEqual(await t.all(), []);
});

Deno.test("pushes that are counted together are counted once each, and together with those that the network reports", async () => {
  using t = await open();
  const at = t.clock.now();
  const pushes = Array.from({ length: 10 }, (_, i) => ({
    ...{ did: ALICE, repo: "app", tag: `v${i % 9}`, digest: undefined, at },
  }));
  await t.tag("v1", at);
  await Promise.all([
    t.activities.pushedTogether(pushes),
    t.activities.pushedTogether(pushes.slice(3)),
    t.tag("v2", at),
  ]);
  await t.activities.pushedTogether(pushes);
  assert.equal(await t.pushes(), 9);
  assert.equal((await t.all()).length, 9);
});
