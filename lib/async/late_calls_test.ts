import assert from "node:assert/strict";
import { ManualClock } from "../testing_clock.ts";
import { LateCalls } from "./late_calls.ts";

/** A clock that counts its timers, and calls that note their names. */
function start(delayMs: number) {
  const clock = new ManualClock();
  let timers = 0;
  const late = new LateCalls({
    now: () => clock.now(),
    sleep(ms) {
      timers++;
      return clock.sleep(ms);
    },
  }, delayMs);
  const made: string[] = [];
  return {
    add: (name: string) => late.add(() => made.push(name)),
    timers: () => timers,
    made,
    clock,
    /** Moves the clock, and lets what is due happen. */
    async pass(ms: number) {
      clock.advance(ms);
      for (let i = 0; i < 20; i++) await Promise.resolve();
    },
  };
}

Deno.test("calls are made after the delay, in order, but not those that were taken back", async () => {
  const t = start(100);
  t.add("a");
  const takeBack = t.add("b");
  await t.pass(50);
  t.add("c");
  await t.pass(49);
  assert.deepEqual(t.made, []);
  takeBack();
  await t.pass(1);
  assert.deepEqual(t.made, ["a"]);
  await t.pass(49);
  assert.deepEqual(t.made, ["a"]);
  await t.pass(1);
  assert.deepEqual(t.made, ["a", "c"]);
  t.add("d");
  await t.pass(100);
  assert.deepEqual(t.made, ["a", "c", "d"]);
});

Deno.test("a thousand calls that are taken back at once need one timer", async () => {
  const t = start(100);
  for (let i = 0; i < 1_000; i++) t.add(`${i}`)();
  assert.equal(t.timers(), 1);
  await t.pass(100);
  assert.deepEqual([t.made, t.timers()], [[], 1]);
});

Deno.test("a clock that is set back delays no call by more than the delay", async () => {
  const t = start(100);
  t.add("a");
  t.clock.setBack(3_600_000);
  t.add("b");
  await t.pass(100);
  t.add("c");
  await t.pass(100);
  assert.deepEqual(t.made, ["a", "b", "c"]);
});

Deno.test("a clock that is set back while many calls wait makes the next one neither late nor early", async () => {
  for (const passed of [0, 99]) {
    const t = start(100);
    for (let i = 0; i < 10; i++) {
      t.add("taken back")();
      await t.pass(1);
    }
    t.clock.setBack(3_600_000);
    await t.pass(passed);
    t.add("next");
    await t.pass(99);
    assert.deepEqual(t.made, []);
    await t.pass(1);
    assert.deepEqual(t.made, ["next"]);
  }
});

Deno.test("calls that were taken back do not keep others from being made", async () => {
  const t = start(100);
  const takeBack = Array.from({ length: 200 }, (_, i) => t.add(`${i}`));
  t.add("wanted");
  for (const one of takeBack) one();
  t.add("later");
  await t.pass(100);
  assert.deepEqual(t.made, ["wanted", "later"]);
});
