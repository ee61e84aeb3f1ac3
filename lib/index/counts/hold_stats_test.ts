import assert from "node:assert/strict";
import fc from "fast-check";
import type { Did } from "../../did.ts";
import { statsRkey } from "../../atproto/records/rkeys.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { HoldStats } from "./hold_stats.ts";
import { countKeys } from "./kv_keys.ts";
import { Pulls } from "./pulls.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const HOLD: Did = "did:web:hold.example.com";
const LIAR: Did = "did:web:liar.example.com";
const REF = { did: ALICE, repo: "app" };
const MINUTE = 60_000;
const never = new AbortController().signal;

async function open() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 12));
  const kv = await openKv(":memory:", clock);
  const state: { hold: Did | undefined } = { hold: HOLD };
  const stats = new HoldStats({
    kv,
    clock,
    watch: UNWATCHED,
    holdsOf: (refs) => Promise.resolve(refs.map(() => state.hold)),
  });
  const pulls = new Pulls({
    kv,
    clock,
    watch: UNWATCHED,
  });
  return {
    clock,
    state,
    stats,
    /** What a hold says. */
    says: (
      rev: number,
      pullCount: number,
      hold: Did = HOLD,
      rkey: string = statsRkey(ALICE, "app"),
    ) =>
      stats.apply({
        did: hold,
        collection: "io.atcr.hold.stats",
        rkey,
        rev: `3l${String(rev).padStart(11, "2")}`,
        cid: undefined,
        at: clock.now(),
        record: {
          ownerDid: ALICE,
          repository: "app",
          pullCount,
          pushCount: 1,
          updatedAt: new Date(clock.now()).toISOString(),
        },
      }),
    /** Pulls of ours, as the counter writes them. */
    own: async (counted: number, reported: number) => {
      await kv.atomic()
        .sum(countKeys.pulls(ALICE, "app"), BigInt(counted))
        .sum(countKeys.reported(ALICE, "app", HOLD), BigInt(reported))
        .commit();
    },
    settle: async () => {
      clock.advance(5 * MINUTE);
      await stats.settle(never);
    },
    total: async () => (await pulls.totals([REF]))[0],
    today: async () => (await pulls.daily(REF)).days.at(-1),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("what a hold counts beyond our reports is added, its past to no day", async () => {
  using t = await open();
  await t.own(3, 10);
  await t.says(1, 110);
  await t.settle();
  assert.equal(await t.total(), 103);
  assert.equal(await t.today(), 0);
  await t.says(2, 115);
  await t.settle();
  assert.equal(await t.total(), 108);
  assert.equal(await t.today(), 5);
  await t.settle();
  assert.equal(await t.total(), 108);
});

Deno.test("pulls of ours that the hold counts, too, are not counted twice", async () => {
  using t = await open();
  await t.says(1, 0);
  await t.settle();
  // The hold is faster than our own flush.
  await t.says(2, 50);
  t.clock.advance(30_000);
  await t.stats.settle(never);
  await t.own(20, 50);
  await t.settle();
  assert.equal(await t.total(), 20);
  // And slower.
  await t.own(5, 10);
  await t.says(3, 55);
  await t.settle();
  assert.equal(await t.total(), 25);
});

Deno.test("a hold that counts again from zero takes nothing back", async () => {
  using t = await open();
  await t.says(1, 100);
  await t.settle();
  await t.says(2, 1);
  await t.settle();
  assert.equal(await t.total(), 100);
});

Deno.test("only the hold of the images is believed, at the key that belongs to the repository", async () => {
  using t = await open();
  await t.says(1, 1_000_000, LIAR);
  await t.says(1, 500, HOLD, "another");
  await t.settle();
  assert.equal(await t.total(), 0);
  await t.says(1, 5);
  await t.settle();
  // The images move to another hold; the former one goes on counting.
  t.state.hold = LIAR;
  await t.says(2, 6);
  await t.settle();
  assert.equal(await t.total(), 6);
});

Deno.test("events that come twice, late or out of order add up to the highest count", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(50), { maxLength: 20 }),
      async (steps, order) => {
        using t = await open();
        let count = 0;
        const counts = steps.map((step) => count += step);
        for (const n of order) {
          const i = n % counts.length;
          await t.says(i, counts[i] ?? 0);
          if (n > 40) await t.settle();
        }
        await t.says(counts.length - 1, count);
        await t.settle();
        assert.equal(await t.total(), count);
      },
    ),
    { numRuns: 40 },
  );
});
