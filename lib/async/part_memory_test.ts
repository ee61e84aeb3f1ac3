import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { ManualClock } from "../testing_clock.ts";
import { PartMemory } from "./part_memory.ts";

const unavailable = (error: unknown) => isAppError(error, "UNAVAILABLE");
/** An account, and how many of its parts were evicted. */
function user(account: string) {
  const errors: unknown[] = [];
  const evict = (error: unknown) => void errors.push(error);
  return { account, evict, errors };
}

const someone = user("someone");

const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

Deno.test("memory goes to uploads in the order in which they ask, and a large part gets all there is", async () => {
  const memory = new PartMemory({ clock: new ManualClock(), bytes: 10 });
  const order: string[] = [];
  const first = await memory.reserve(6, someone);
  const ask = (name: string, bytes: number) =>
    memory.reserve(bytes, someone).then((held) => {
      order.push(name);
      return held;
    });
  const large = ask("large", 1_000);
  const small = ask("small", 1);
  await settled();
  assert.deepEqual(order, []);
  first.free();
  first.free();
  const held = await large;
  await settled();
  assert.deepEqual(order, ["large"]);
  held.free();
  (await small).free();
  (await memory.reserve(10, someone)).free();
});

Deno.test("an upload that waits too long is refused, and those behind it go on", async () => {
  const clock = new ManualClock();
  const memory = new PartMemory({ clock, bytes: 10, waitMs: 1_000 });
  const first = await memory.reserve(6, someone);
  const refused = assert.rejects(memory.reserve(8, someone), unavailable);
  await settled();
  clock.advance(500);
  const behind = memory.reserve(4, someone);
  await settled();
  clock.advance(500);
  await refused;
  (await behind).free();
  first.free();
  (await memory.reserve(10, someone)).free();
});

Deno.test("an account with much memory neither keeps it nor comes first while others wait", async () => {
  const clock = new ManualClock();
  const memory = new PartMemory({ clock, bytes: 8, waitMs: 1_200 });
  const [heavy, light] = [user("heavy"), user("light")];
  const parts = await Promise.all(
    Array.from({ length: 4 }, () => memory.reserve(2, heavy)),
  );
  const order: string[] = [];
  const ask = async (of: typeof heavy) => {
    const held = await memory.reserve(2, of);
    order.push(of.account);
    return held;
  };
  const refused = assert.rejects(ask(heavy), unavailable);
  const wanted = ask(light);
  await settled();
  clock.advance(99);
  await settled();
  assert.equal(heavy.errors.length, 0);
  clock.advance(1);
  await settled();
  assert.equal(heavy.errors.length, 1);
  assert.ok(heavy.errors.every(unavailable));
  // The memory is still in use: it may be on its way.
  assert.deepEqual(order, []);
  parts[0]?.free();
  await wanted;
  assert.deepEqual(order, ["light"]);
  // Now both may have the same, and nobody is evicted for less than that.
  const more = ask(light);
  await settled();
  clock.advance(100);
  await settled();
  assert.equal(heavy.errors.length, 2);
  parts[1]?.free();
  await more;
  const none = assert.rejects(ask(light), unavailable);
  await settled();
  clock.advance(1_200);
  await Promise.all([none, refused]);
  assert.deepEqual([heavy.errors.length, light.errors.length], [2, 0]);
});
