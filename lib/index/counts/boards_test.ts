import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { dayOf } from "../order.ts";
import { peopleKeys } from "../people/kv_keys.ts";
import {
  type BoardKind,
  Boards,
  type BoardWindow,
  type Popularity,
} from "./boards.ts";
import { topOf, trends } from "./board_scores.ts";
import { countKeys } from "./kv_keys.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const CAROL: Did = "did:plc:cccccccccccccccccccccccc";
const HOLD: Did = "did:web:hold.example.com";
const never = new AbortController().signal;
const anybody = () => Promise.resolve(true);

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const popular: Popularity[] = [];
  const boards = new Boards({
    kv,
    clock,
    log: silentLogger,
    visible: (refs, mayRead) =>
      Promise.all(
        refs.map(({ repo }) => repo !== "hidden" && mayRead(HOLD)),
      ),
    shown: (dids) => Promise.resolve(dids.map((did) => did !== CAROL)),
    onPopularity: (all) => {
      popular.push(...all);
      return Promise.resolve();
    },
    watch: UNWATCHED,
  });
  const today = dayOf(clock.now());
  return {
    clock,
    popular,
    boards,
    /** So many pulls some days ago. */
    pulled: async (did: Did, repo: string, ago: number, count: number) => {
      await kv.atomic()
        .sum(countKeys.pullsOn(today - ago, did, repo), BigInt(count))
        .sum(countKeys.pulls(did, repo), BigInt(count)).commit();
    },
    pushed: async (did: Did, repo: string, ago: number, count: number) => {
      await kv.atomic()
        .sum(countKeys.pushesOn(today - ago, did, repo), BigInt(count))
        .sum(countKeys.pushes(did, repo), BigInt(count)).commit();
    },
    starred: async (did: Did, repo: string, ago: number, count: number) => {
      await kv.atomic()
        .sum(countKeys.starsOn(today - ago, did, repo), BigInt(count))
        .sum(peopleKeys.starCount(did, repo), BigInt(count)).commit();
    },
    show: async (kind: BoardKind, window: BoardWindow, mayRead = anybody) =>
      (await boards.get(kind, window, mayRead)).entries.map((
        { did, repo, value },
      ) => `${did === ALICE ? "alice" : "bob"}/${repo ?? ""} ${value}`),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("boards count the last 7 days, the last 30, and all", async () => {
  using t = await open();
  await t.pulled(ALICE, "new", 0, 5);
  await t.pulled(ALICE, "new", 6, 5);
  await t.pulled(BOB, "week", 7, 20);
  await t.pulled(BOB, "month", 30, 100);
  assert.deepEqual(await t.show("pulls", "7d"), []);
  await t.boards.make(never);
  assert.deepEqual(await t.show("pulls", "7d"), ["alice/new 10"]);
  assert.deepEqual(await t.show("pulls", "30d"), [
    "bob/week 20",
    "alice/new 10",
  ]);
  assert.deepEqual(await t.show("pulls", "all"), [
    "bob/month 100",
    "bob/week 20",
    "alice/new 10",
  ]);
});

Deno.test("stars, pushes and the accounts that push most have boards, and cards receive their figures", async () => {
  using t = await open();
  await t.starred(ALICE, "app", 1, 3);
  await t.starred(BOB, "old", 100, 9);
  await t.pushed(BOB, "a", 2, 4);
  await t.pushed(CAROL, "hidden", 2, 4);
  await t.pushed(BOB, "b", 20, 4);
  await t.pulled(ALICE, "app", 1, 2);
  await t.boards.make(never);
  assert.deepEqual(await t.show("stars", "7d"), ["alice/app 3"]);
  assert.deepEqual(await t.show("stars", "all"), ["bob/old 9", "alice/app 3"]);
  assert.deepEqual(await t.show("pushes", "7d"), ["bob/a 4"]);
  assert.deepEqual(await t.show("accounts", "30d"), ["bob/ 8"]);
  const { madeAt } = await t.boards.get("stars", "all", anybody);
  assert.equal(madeAt, t.clock.now());
  assert.deepEqual(t.popular, [
    { did: ALICE, repo: "app", pulls: 2, stars: 3 },
  ]);
});

Deno.test("cards hear that what was popular is no longer pulled", async () => {
  using t = await open();
  await t.pulled(ALICE, "app", 32, 100);
  await t.pulled(ALICE, "forgotten", 40, 100);
  await t.boards.make(never);
  assert.deepEqual(t.popular, [
    { did: ALICE, repo: "app", pulls: 0, stars: 0 },
  ]);
});

Deno.test("what a reader may not pull is on no board, and a board that does not exist is none", async () => {
  using t = await open();
  await t.pulled(ALICE, "app", 1, 2);
  await t.pulled(ALICE, "hidden", 1, 2);
  await t.boards.make(never);
  assert.deepEqual(await t.show("pulls", "7d"), ["alice/app 2"]);
  assert.deepEqual(
    await t.show("pulls", "7d", () => Promise.resolve(false)),
    [],
  );
  await assert.rejects(t.show("trending", "all"), { code: "NOT_FOUND" });
});

Deno.test("trends favour what grows over what is always popular", async () => {
  using t = await open();
  for (let ago = 0; ago < 30; ago++) await t.pulled(ALICE, "steady", ago, 100);
  await t.pulled(BOB, "rising", 3, 60);
  await t.pulled(BOB, "rising", 20, 10);
  await t.starred(BOB, "starred", 1, 2);
  await t.pulled(BOB, "hardly", 1, 3);
  await t.boards.make(never);
  const names = (await t.show("trending", "7d")).map((e) => e.split(" ")[0]);
  assert.deepEqual(names, ["bob/starred", "bob/rising"]);
});

Deno.test("a board has at most 200 entries and fits into a row with the longest names", async () => {
  const long = new Map(
    Array.from(
      { length: 500 },
      (_, i) => [`did:web:${"a".repeat(240)} ${"b".repeat(250)}${i}`, i + 1],
    ),
  );
  const entries = topOf(long);
  assert.equal(entries[0]?.value, 500);
  assert.ok(entries.length > 50 && JSON.stringify(entries).length < 60_000);
  const short = new Map(
    Array.from({ length: 500 }, (_, i) => [`${ALICE} r${i}`, i + 1]),
  );
  assert.equal(topOf(short).length, 200);
  assert.equal(
    trends({
      pulls7: new Map(),
      pulls30: short,
      stars7: new Map(),
      stars30: new Map(),
    }).size,
    0,
  );
  await Promise.resolve();
});
