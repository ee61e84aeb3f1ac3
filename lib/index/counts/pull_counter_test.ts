import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { countOf } from "../../kv/counters.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { settle } from "../../kv/testing.ts";
import { digestOf } from "../../oci/digest.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { countKeys } from "./kv_keys.ts";
import { foldOldDays } from "./old_days.ts";
import { PullCounter } from "./pull_counter.ts";
import { Pulls } from "./pulls.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const HOLD: Did = "did:web:hold.example.com";
const DAY = 86_400_000;
const never = new AbortController().signal;

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  /** Set: what a commit does instead of the usual. */
  const faults: ("lost" | "refused")[] = [];
  const faulty: Kv = new Proxy(kv, {
    get: (target, name) => {
      if (name !== "atomic") {
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return () => {
        const atomic = target.atomic();
        const commit = atomic.commit.bind(atomic);
        atomic.commit = async () => {
          const fault = faults.shift();
          if (fault === "refused") throw new Error("no answer");
          const done = await commit();
          // It was applied, and nobody heard of it.
          if (fault === "lost") throw new Error("no answer");
          return done;
        };
        return atomic;
      };
    },
  });
  const make = () => new PullCounter({ kv: faulty, clock, log: silentLogger });
  const counter = make();
  let clients = 0;
  const pull = (
    ...[repo, tag = "v1", by = counter, ...hold]: [
      repo: string,
      tag?: string,
      by?: PullCounter,
      hold?: Did | undefined,
    ]
  ) =>
    by.pulled({
      did: ALICE,
      repo,
      tag,
      digest: digestOf(new TextEncoder().encode(repo)),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      isReferrer: false,
      client: String(clients++),
    }, hold.length > 0 ? hold[0] : HOLD);
  const pulls = new Pulls({
    kv,
    clock,
    watch: UNWATCHED,
  });
  const total = async (repo: string) =>
    (await pulls.totals([{ did: ALICE, repo }]))[0];
  return {
    clock,
    kv,
    faults,
    make,
    counter,
    pull,
    pulls,
    total,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("pulls are counted by repository, day and tag with the next flush", async () => {
  using t = await open();
  t.pull("app");
  t.pull("app", "v2");
  t.pull("other");
  assert.equal(await t.total("app"), 0);
  await t.counter.flush();
  await t.counter.flush();
  assert.equal(await t.total("app"), 2);
  t.clock.advance(DAY);
  t.pull("app");
  await t.counter.flush();
  const daily = await t.pulls.daily({ did: ALICE, repo: "app" });
  assert.equal(daily.days.length, 30);
  assert.deepEqual(daily.days.slice(-3), [0, 2, 1]);
  assert.equal(daily.since, t.clock.now() - 29 * DAY);
  const tags: [unknown, number][] = [];
  const prefix = countKeys.pullsOfTags(ALICE, "app");
  for await (const { key, value } of t.kv.list<unknown>({ prefix })) {
    tags.push([key.at(-1), countOf(value)]);
  }
  assert.deepEqual(tags, [["v1", 1], ["v2", 1], ["v1", 1]]);
  assert.equal(
    await t.kv.counter(countKeys.reported(ALICE, "app", HOLD)),
    3n,
  );
});

Deno.test("only pulls that a hold counts as well are counted as reported", async () => {
  using t = await open();
  t.pull("app", "v1", t.counter, undefined);
  t.pull("app");
  await t.counter.flush();
  assert.equal(await t.total("app"), 2);
  assert.equal(await t.kv.counter(countKeys.reported(ALICE, "app", HOLD)), 1n);
});

Deno.test("a flush that fails is made up for, and never counts twice", async () => {
  using t = await open();
  t.pull("app");
  t.faults.push("refused");
  await assert.rejects(t.counter.flush(), /no answer/);
  t.pull("app");
  t.faults.push("lost");
  await assert.rejects(t.counter.flush(), /no answer/);
  t.pull("app");
  await t.counter.flush();
  assert.equal(await t.total("app"), 3);
});

Deno.test("two instances add up, and many repositories take several commits", async () => {
  using t = await open();
  const other = t.make();
  for (let i = 0; i < 300; i++) {
    t.pull(`r${i}`);
    t.pull(`r${i}`, "v1", other);
  }
  await Promise.all([t.counter.flush(), other.flush()]);
  for (const i of [0, 150, 299]) assert.equal(await t.total(`r${i}`), 2);
});

Deno.test("the longest names fit into a commit", async () => {
  using t = await open();
  for (let i = 0; i < 100; i++) {
    t.pull(`${"a".repeat(250)}${100 + i}`, "t".repeat(128));
  }
  await t.counter.flush();
  assert.equal(await t.total(`${"a".repeat(250)}100`), 1);
});

Deno.test("where timers do not come, a late pull brings the flush", async () => {
  using t = await open();
  t.pull("app");
  t.clock.advance(60_001);
  t.pull("app");
  await settle(t.kv);
  assert.equal(await t.total("app"), 2);
});

Deno.test("days of more than 400 days ago become months", async () => {
  using t = await open();
  t.pull("app");
  await t.counter.flush();
  t.clock.advance(DAY);
  t.pull("app");
  await t.counter.flush();
  assert.equal(await foldOldDays(t, never), 0);
  t.clock.advance(400 * DAY);
  assert.equal(await foldOldDays(t, never), 1);
  assert.equal(await foldOldDays(t, never), 0);
  t.clock.advance(DAY);
  assert.equal(await foldOldDays(t, never), 1);
  assert.equal(
    await t.kv.counter(countKeys.pullsIn("2026-01", ALICE, "app")),
    2n,
  );
  assert.equal(await t.total("app"), 2);
  for await (
    const { key } of t.kv.list({ prefix: ["observed", "pulls_tag"] })
  ) {
    assert.fail(key.join(" "));
  }
});
