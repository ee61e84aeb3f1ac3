import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { settle } from "../../kv/testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import type { Probe } from "./probe.ts";
import { CAPTAIN_RECORD, startTestHolds, WELL } from "./testing_holds.ts";

const HOLD: Did = "did:web:hold.example.com";
const MINUTE = 60_000;
const DOWN: Probe = { reachable: false, reason: "It does not answer." };

type Rig = Awaited<ReturnType<typeof startTestHolds>>;

/** Does what is due for `ms`, looking every minute. */
async function pass(rig: Rig, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += MINUTE) {
    rig.clock.advance(MINUTE);
    await rig.jobs.runDue();
  }
}

Deno.test("a hold with a captain is looked at every quarter of an hour", async () => {
  using rig = await startTestHolds();
  await rig.captain(HOLD, CAPTAIN_RECORD);
  await rig.jobs.runDue();
  await pass(rig, 120 * MINUTE);
  assert.ok(rig.looks.length >= 7 && rig.looks.length <= 9);
  const [hold] = (await rig.holds.list({})).items;
  assert.equal(hold?.state.reachable, true);
  assert.equal(hold?.state.latencyMs, 12);
  assert.equal(hold?.state.version, "1.0");
  await rig.captain(HOLD, undefined);
  const before = rig.looks.length;
  await pass(rig, 60 * MINUTE);
  assert.equal(rig.looks.length, before);
});

Deno.test("a hold that is down is looked at less and less often, and often again once it is up", async () => {
  using rig = await startTestHolds();
  rig.state.probe = () => DOWN;
  await rig.captain(HOLD, CAPTAIN_RECORD);
  await rig.jobs.runDue();
  await pass(rig, 24 * 60 * MINUTE);
  const pauses = rig.looks.slice(1).map(({ at }, i) =>
    (at - (rig.looks[i]?.at ?? 0)) / MINUTE
  );
  assert.deepEqual(pauses.slice(0, 4), [17, 33, 66, 132]);
  assert.ok(rig.looks.length <= 8, `${rig.looks.length}`);
  const down = (await rig.holds.list({})).items[0]?.state;
  // Never seen in its place, but its captain record is known.
  assert.equal(down?.reachable, false);
  assert.equal(down?.reason, "It does not answer.");
  assert.equal(down?.since, rig.looks[0]?.at);
  rig.state.probe = () => WELL;
  await pass(rig, 7 * 60 * MINUTE);
  const up = (await rig.holds.list({})).items[0]?.state;
  assert.deepEqual([up?.reachable, up?.reason], [true, undefined]);
  const before = rig.looks.length;
  await pass(rig, 60 * MINUTE);
  assert.ok(rig.looks.length >= before + 3);
});

Deno.test("a page waits for the first look only, and shows what is old meanwhile", async () => {
  using rig = await startTestHolds();
  const first = await rig.holds.health(HOLD);
  assert.equal(first.reachable, true);
  await rig.holds.health(HOLD);
  assert.equal(rig.looks.length, 1);
  rig.clock.advance(16 * MINUTE);
  rig.state.probe = () => DOWN;
  assert.equal((await rig.holds.health(HOLD)).reachable, true);
  await settle(rig.kv);
  assert.equal((await rig.holds.health(HOLD)).reachable, false);
  assert.equal(rig.looks.length, 2);
  // It is asked again soon, since it may come back.
  rig.clock.advance(MINUTE);
  await rig.holds.health(HOLD);
  await settle(rig.kv);
  assert.equal(rig.looks.length, 3);
});

Deno.test("a page does not wait for a hold that hangs", async () => {
  using rig = await startTestHolds();
  const gate = Promise.withResolvers<Probe>();
  rig.state.probe = () => gate.promise;
  const asked = rig.holds.health(HOLD);
  await settle(rig.kv);
  rig.clock.advance(2_000);
  assert.equal((await asked).reachable, undefined);
  gate.resolve(DOWN);
  await settle(rig.kv);
  assert.equal((await rig.holds.health(HOLD)).reachable, false);
  assert.equal(rig.looks.length, 1);
});

Deno.test("many who ask at once, on two instances, make one look", async () => {
  const clock = new ManualClock();
  using one = await startTestHolds({ clock });
  using two = await startTestHolds({ clock, kv: one.kv });
  const gate = Promise.withResolvers<Probe>();
  for (const { state } of [one, two]) state.probe = () => gate.promise;
  const asked = Array.from(
    { length: 40 },
    (_, i) => (i % 2 === 0 ? one : two).holds.health(HOLD),
  );
  for (let i = 0; i < 5; i++) await settle(one.kv);
  gate.resolve(WELL);
  for (let i = 0; i < 5; i++) await settle(one.kv);
  clock.advance(2_000);
  await Promise.all(asked);
  assert.equal(one.looks.length + two.looks.length, 1);
  assert.equal((await one.holds.health(HOLD)).reachable, true);
  assert.equal((await two.holds.health(HOLD)).reachable, true);
});

Deno.test("a thousand holds that hang make no storm", async () => {
  using rig = await startTestHolds();
  let inside = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  rig.state.probe = async () => {
    most = Math.max(most, ++inside);
    await new Promise<void>((resolve) => gates.push(resolve));
    inside--;
    return DOWN;
  };
  const holds = Array.from(
    { length: 1_000 },
    (_, i): Did => `did:web:hold${i}.example.com`,
  );
  for (const hold of holds) await rig.captain(hold, CAPTAIN_RECORD);
  const work = rig.jobs.runDue();
  // Pages ask as well; those that would wait for too many others do not.
  const asked = holds.map((hold) => rig.holds.health(hold));
  let done = false;
  void work.then(() => done = true);
  while (!done) {
    await settle(rig.kv);
    for (const open of gates.splice(0)) open();
    rig.clock.advance(1);
  }
  rig.clock.advance(2_000);
  await Promise.all(asked);
  assert.ok(most <= 8, `${most}`);
  assert.ok(rig.looks.length <= 1_000, `${rig.looks.length}`);
  // Their next looks are spread by chance in the real program.
  const after = rig.looks.length;
  rig.clock.advance(14 * MINUTE);
  await rig.jobs.runDue();
  assert.equal(rig.looks.length, after);
});

Deno.test("of holds that nobody asks for and that have no captain nothing is kept", async () => {
  using rig = await startTestHolds();
  await rig.holds.health(HOLD);
  assert.equal((await rig.holds.list({})).items.length, 1);
  rig.clock.advance(8 * 24 * 60 * MINUTE);
  assert.deepEqual((await rig.holds.list({})).items, []);
  assert.equal(await rig.holds.get(HOLD), undefined);
});

Deno.test("names that are no holds are not listed, and DIDs out of the blue not looked at", async () => {
  using rig = await startTestHolds();
  rig.state.probe = () => DOWN;
  await rig.holds.health(HOLD);
  assert.deepEqual((await rig.holds.list({})).items, []);
  assert.equal(await rig.holds.get("did:web:else.example.com"), undefined);
  assert.equal(rig.looks.length, 1);
});
