import assert from "node:assert/strict";
import fc from "fast-check";
import { AppError, isAppError } from "../errors.ts";
import { DenoKv } from "./deno_kv.ts";
import { GroupCommit } from "./group_commit.ts";
import type { Kv } from "./kv.ts";

/** A store that counts commits. */
async function open(isLocal = true) {
  const native = await Deno.openKv(":memory:");
  let commits = 0;
  const counting = new Proxy(native, {
    get(target, name) {
      if (name === "atomic") commits++;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const kv = new DenoKv(counting, undefined, isLocal);
  return { kv, count: () => commits, [Symbol.dispose]: () => kv.close() };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

Deno.test("concurrent commits to a local store are merged", async () => {
  using store = await open();
  const { kv, count } = store;
  await Promise.all(numbers(50).map((i) => kv.set(["a", i], i)));
  // The first goes alone, the others are merged.
  assert.equal(count(), 2);
  const values = await Array.fromAsync(kv.list<number>({ prefix: ["a"] }));
  assert.deepEqual(values.map(({ value }) => value), numbers(50));
});

Deno.test("a remote store gets every commit by itself", async () => {
  using store = await open(false);
  const { kv, count } = store;
  await Promise.all(numbers(5).map((i) => kv.set(["a", i], i)));
  assert.equal(count(), 5);
});

Deno.test("a commit whose check fails does not fail the others of its group", async () => {
  using store = await open();
  const { kv } = store;
  await kv.set(["taken"], 0);
  const outcomes = await Promise.all([
    kv.atomic().set(["first"], 1).commit(),
    kv.atomic().check(["free"], null).set(["free"], 1).commit(),
    kv.atomic().check(["taken"], null).set(["taken"], 1).commit(),
    kv.atomic().set(["last"], 1).commit(),
  ]);
  assert.deepEqual(outcomes, [true, true, false, true]);
  assert.equal((await kv.get(["taken"]))?.value, 0);
  assert.equal((await kv.get(["free"]))?.value, 1);
});

Deno.test("commits on one key apply in order of arrival", async () => {
  using store = await open();
  const { kv } = store;
  await Promise.all(numbers(20).map((i) => kv.set(["key"], i)));
  assert.equal((await kv.get(["key"]))?.value, 19);
  const wins = await Promise.all(
    numbers(20).map((i) =>
      kv.atomic().check(["once"], null).set(["once"], i).commit()
    ),
  );
  assert.deepEqual(wins, numbers(20).map((i) => i === 0));
});

Deno.test("what the store refuses fails alone", async () => {
  using store = await open();
  const { kv } = store;
  await kv.set(["text"], "no counter");
  const [before, refused, after] = await Promise.allSettled([
    kv.set(["before"], 1),
    kv.atomic().sum(["text"], 1n).commit(),
    kv.set(["after"], 1),
  ]);
  assert.equal(before.status, "fulfilled");
  assert.equal(refused.status, "rejected");
  assert.equal(after.status, "fulfilled");
});

Deno.test("changes that do not fit into one commit go in several", async () => {
  using store = await open();
  const { kv } = store;
  const large = new Uint8Array(60_000);
  await Promise.all(numbers(40).map((i) => kv.set(["large", i], large)));
  const rows = await Array.fromAsync(kv.list({ prefix: ["large"] }));
  assert.equal(rows.length, 40);
});

/** Increments a counter with optimistic checks. */
async function increment(kv: Kv, key: string): Promise<void> {
  for (;;) {
    const entry = await kv.get<number>([key]);
    const applied = await kv.atomic()
      .check([key], entry?.versionstamp ?? null)
      .set([key], (entry?.value ?? 0) + 1)
      .commit();
    if (applied) return;
  }
}

Deno.test("optimistic counters lose no increment", async () => {
  const names = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(names, async (keys) => {
      using store = await open();
      await Promise.all(keys.map((key) => increment(store.kv, key)));
      for (const name of new Set(keys)) {
        const wanted = keys.filter((key) => key === name).length;
        assert.equal((await store.kv.get([name]))?.value, wanted);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("commits that time out on a locked store wait together, not one after another", async () => {
  let commits = 0;
  const native = await Deno.openKv(":memory:");
  const locked = new Proxy(native, {
    get(target, name) {
      if (name !== "atomic") {
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      const operation = { check: () => operation, set: () => operation };
      return () => ({
        ...operation,
        commit: () => {
          commits++;
          // What the retry policy throws in the end.
          return Promise.reject(new AppError("UNAVAILABLE", "Locked."));
        },
      });
    },
  });
  const kv = new DenoKv(locked);
  try {
    const outcomes = await Promise.allSettled(
      numbers(5).map((i) => kv.set(["a", i], i)),
    );
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected");
      assert.ok(isAppError(outcome.reason, "UNAVAILABLE"));
    }
    // The first one by itself, the rest as one.
    assert.equal(commits, 2);
  } finally {
    kv.close();
  }
});

/** A key that counts how often its parts are looked at. */
class CountingKey extends Array<string> {
  static looks = 0;

  override join(separator?: string): string {
    CountingKey.looks++;
    return super.join(separator);
  }
}

Deno.test("what waits is looked at once, however many wait with it", async () => {
  using native = await Deno.openKv(":memory:");
  const commits = new GroupCommit(native, true, (call) => call());
  const outcomes = await Promise.all(
    numbers(1_000).map((i) =>
      commits.commit({
        checks: [{ key: new CountingKey("a", String(i)), versionstamp: null }],
        mutations: [],
        ...{ bytes: 10, keyBytes: 10 },
      })
    ),
  );
  assert.ok(outcomes.every((applied) => applied));
  assert.ok(CountingKey.looks <= 1_000, String(CountingKey.looks));
});
