import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { ManualClock } from "../testing_clock.ts";
import { PartMemory } from "./part_memory.ts";

const unavailable = (error: unknown) => isAppError(error, "UNAVAILABLE");
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

Deno.test("memory goes to uploads in the order in which they ask, and a large part gets all there is", async () => {
  const memory = new PartMemory({ clock: new ManualClock(), bytes: 10 });
  const order: string[] = [];
  const first = await memory.reserve(6);
  const ask = (name: string, bytes: number) =>
    memory.reserve(bytes).then((held) => {
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
  (await memory.reserve(10)).free();
});

Deno.test("an upload that waits too long is refused, and those behind it go on", async () => {
  const clock = new ManualClock();
  const memory = new PartMemory({ clock, bytes: 10, waitMs: 1_000 });
  const first = await memory.reserve(6);
  const refused = assert.rejects(memory.reserve(8), unavailable);
  await settled();
  clock.advance(500);
  const behind = memory.reserve(4);
  await settled();
  clock.advance(500);
  await refused;
  (await behind).free();
  first.free();
  (await memory.reserve(10)).free();
});
