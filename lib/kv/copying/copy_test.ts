import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { ManualClock } from "../../testing_clock.ts";
import { copyStore } from "./copy.ts";
import { leaseKey } from "../keys.ts";
import { openKv } from "../open_kv.ts";

async function twoStores() {
  const clock = new ManualClock();
  const from = await openKv(":memory:", clock);
  const to = await openKv(":memory:", clock);
  return {
    ...{ clock, from, to },
    [Symbol.dispose]: () => {
      from.close();
      to.close();
    },
  };
}

Deno.test("a copy has everything: values, counters and times of expiry", async () => {
  using stores = await twoStores();
  const { clock, from, to } = stores;
  await from.set(["a"], { at: new Date(5), bytes: new Uint8Array([1]) });
  await from.set(["b"], 2, { expiresAt: clock.now() + 1_000 });
  await from.set(["gone"], 3, { expiresAt: clock.now() });
  await from.atomic().sum(["n"], 5n).commit();
  await from.set(leaseKey("x"), "of a process");
  for (let i = 0; i < 30; i++) {
    await from.set(["large", i], new Uint8Array(60_000));
  }
  const { rows } = await copyStore(from, to);
  assert.equal(rows, 33);
  const all = (await Array.fromAsync(from.entries()))
    .filter(({ key }) => key[1] !== "lease");
  assert.deepEqual(await Array.fromAsync(to.entries()), all);
  clock.advance(1_000);
  assert.equal(await to.get(["b"]), undefined);
  assert.equal(await to.counter(["n"]), 5n);
});

Deno.test("a copy that was interrupted goes on where it stopped", async () => {
  using stores = await twoStores();
  const { from, to } = stores;
  for (let i = 0; i < 1_200; i++) await from.set(["row", i], i);
  const stop = new AbortController();
  const first = copyStore(from, to, {
    signal: stop.signal,
    progress: () => stop.abort(new Error("stopped")),
  });
  await assert.rejects(first, /stopped/);
  const progress: number[] = [];
  const { rows } = await copyStore(from, to, {
    progress: ({ rows }) => progress.push(rows),
  });
  assert.equal(rows, 1_200);
  assert.deepEqual(progress, [1_000, 1_200]);
  assert.deepEqual(
    await Array.fromAsync(to.entries()),
    await Array.fromAsync(from.entries()),
  );
});

Deno.test("a store that holds something is not copied into", async () => {
  using stores = await twoStores();
  const { from, to } = stores;
  await from.set(["a"], 1);
  await to.set(["other"], 1);
  await assert.rejects(
    copyStore(from, to),
    (error) => isAppError(error, "CONFLICT") && /not empty/.test(error.message),
  );
});
