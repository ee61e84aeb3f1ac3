/**
 * The contract of {@linkcode Kv}, run on each kind of store.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  Entry,
  Key,
  Kv,
  ListOptions,
  ListSelector,
} from "../../lib/kv/kv.ts";
import { ManualClock } from "../../lib/testing_clock.ts";

/**
 * Opens an empty store that goes by `clock`; `close` is called at the end.
 * What is in `owned` is disposed of after that.
 */
export type OpenEmpty = (
  clock: ManualClock,
  owned: AsyncDisposableStack,
) => Promise<Kv>;

/** What is special about one kind of store. */
export interface ContractOptions {
  /** It is not to be had here. */
  readonly ignore?: boolean;
  /** Closing it takes longer than `close` does, because it has connections. */
  readonly hasPool?: boolean;
}

/** Registers the contract suite for one kind of store. */
export function testKvContract(
  store: string,
  open: OpenEmpty,
  { ignore = false, hasPool = false }: ContractOptions = {},
): void {
  const test = (
    name: string,
    body: (kv: Kv, clock: ManualClock) => Promise<void>,
  ) =>
    Deno.test({
      name: `${store}: ${name}`,
      ignore,
      sanitizeOps: !hasPool,
      sanitizeResources: !hasPool,
      async fn() {
        const clock = new ManualClock();
        await using owned = new AsyncDisposableStack();
        const kv = await open(clock, owned);
        try {
          await body(kv, clock);
        } finally {
          kv.close();
        }
      },
    });

  test("a value is read back unchanged, until it is deleted", async (kv) => {
    const value = { text: "é€", at: 12, bytes: new Uint8Array([1, 2]) };
    await kv.set(["a", 1], value);
    assert.deepEqual((await kv.get(["a", 1]))?.value, value);
    await kv.delete(["a", 1]);
    assert.equal(await kv.get(["a", 1]), undefined);
  });

  test("falsy values are values", async (kv) => {
    for (const value of [0, "", false, null]) {
      await kv.set(["falsy"], value, { expiresAt: Infinity });
      assert.equal((await kv.get(["falsy"]))?.value, value);
      await kv.set(["falsy"], value);
      assert.equal((await kv.get(["falsy"]))?.value, value);
    }
  });

  test(
    "an expired entry is absent in every kind of read",
    async (kv, clock) => {
      const expiresAt = clock.now() + 1_000;
      await kv.set(["e", 1], "one", { expiresAt });
      await kv.atomic().set(["e", 2], "two", { expiresAt }).commit();
      await kv.set(["e", 3], "stays");
      clock.advance(999);
      assert.equal((await kv.get(["e", 1]))?.value, "one");
      assert.deepEqual(await values(kv, { prefix: ["e"] }), [
        "one",
        "two",
        "stays",
      ]);
      clock.advance(1);
      assert.equal(await kv.get(["e", 1]), undefined);
      assert.deepEqual(
        (await kv.getMany([["e", 1], ["e", 2], ["e", 3]])).map((e) => e?.value),
        [undefined, undefined, "stays"],
      );
      assert.deepEqual(await values(kv, { prefix: ["e"] }), ["stays"]);
      assert.deepEqual(await values(kv, { prefix: ["e"] }, { limit: 1 }), [
        "stays",
      ]);
    },
  );

  test(
    "an expired entry counts as absent for a check, before it is swept",
    async (kv, clock) => {
      await kv.set(["x"], "old", { expiresAt: clock.now() + 10 });
      const take = () =>
        kv.atomic().check(["x"], null).set(["x"], "new").commit();
      assert.equal(await take(), false);
      clock.advance(10);
      assert.equal(await take(), true);
      assert.equal(await take(), false);
      assert.equal((await kv.get(["x"]))?.value, "new");
    },
  );

  test(
    "an expired entry does not excuse another check that fails",
    async (kv, clock) => {
      await kv.set(["x"], "old", { expiresAt: clock.now() + 10 });
      await kv.set(["y"], "here");
      clock.advance(10);
      const done = await kv.atomic().check(["x"], null).check(["y"], null)
        .set(["x"], "new").commit();
      assert.equal(done, false);
      assert.equal(await kv.get(["x"]), undefined);
    },
  );

  test("a value that looks like a stored expiry is a plain value", async (kv) => {
    const value = { "~expiresAt": 1, "~value": "hidden?" };
    await kv.set(["odd"], value);
    assert.deepEqual((await kv.get(["odd"]))?.value, value);
  });

  test("a commit is atomic and checks the version that was read", async (kv) => {
    await kv.set(["n"], 1);
    const before = await kv.get<number>(["n"]);
    assert.ok(before);
    const change = () =>
      kv.atomic().check(["n"], before.versionstamp)
        .set(["n"], 2).set(["m"], 2).delete(["k"]).commit();
    assert.equal(await change(), true);
    assert.equal(await change(), false);
    assert.equal((await kv.get(["m"]))?.value, 2);
    assert.notEqual((await kv.get(["n"]))?.versionstamp, before.versionstamp);
  });

  test("changes of a value after the call are not stored", async (kv) => {
    const value = { tags: ["a"] };
    const commit = kv.atomic().set(["later"], value);
    value.tags.push("b");
    await commit.commit();
    assert.deepEqual((await kv.get(["later"]))?.value, { tags: ["a"] });
  });

  test("counters add up, go down again and start at zero", async (kv) => {
    assert.equal(await kv.counter(["c"]), 0n);
    await Promise.all(
      Array.from({ length: 20 }, () => kv.atomic().sum(["c"], 2n).commit()),
    );
    await kv.atomic().sum(["c"], -5n).commit();
    assert.equal(await kv.counter(["c"]), 35n);
  });

  test("any number of keys is read in order, the absent ones too", async (kv) => {
    for (let i = 0; i < 35; i += 2) await kv.set(["many", i], i);
    const keys = Array.from({ length: 35 }, (_, i) => ["many", i]);
    assert.deepEqual(
      (await kv.getMany(keys)).map((entry) => entry?.value),
      keys.map((_, i) => i % 2 ? undefined : i),
    );
    assert.deepEqual(await kv.getMany([]), []);
  });

  test("listings run in key order over more than one batch", async (kv) => {
    const total = 450;
    const commit = kv.atomic();
    for (let i = 0; i < total; i++) commit.set(["l", i], i);
    assert.equal(await commit.commit(), true);
    await kv.set(["m"], "outside");
    const all = Array.from({ length: total }, (_, i) => i);
    const list = (selector: ListSelector, options?: ListOptions) =>
      values(kv, selector, options);
    assert.deepEqual(await list({ prefix: ["l"] }), all);
    assert.deepEqual(
      await list({ prefix: ["l"] }, { reverse: true }),
      all.toReversed(),
    );
    assert.deepEqual(
      await list({ prefix: ["l"] }, { limit: 201 }),
      all.slice(0, 201),
    );
    assert.deepEqual(await list({ prefix: ["l"] }, { limit: 0 }), []);
    assert.deepEqual(
      await list({ prefix: ["l"], start: ["l", 440] }),
      all.slice(440),
    );
    assert.deepEqual(await list({ prefix: ["l"], end: ["l", 3] }), [0, 1, 2]);
    assert.deepEqual(await list({ start: ["l", 5], end: ["l", 7] }), [5, 6]);
  });

  test("what a remote store would refuse is refused before sending", async (kv) => {
    const tooLong = ["k".repeat(2_047)];
    const tooLarge = new Uint8Array(65_537);
    await assert.rejects(kv.set(["v"], tooLarge), RangeError);
    await assert.rejects(kv.set(["v"], "x".repeat(65_536)), RangeError);
    await assert.rejects(kv.set(tooLong, 1), RangeError);
    assert.throws(() => kv.atomic().set(["v"], tooLarge), RangeError);
    assert.throws(() => kv.atomic().set(tooLong, 1), RangeError);
    assert.throws(() => kv.atomic().delete(tooLong), RangeError);

    const checks = kv.atomic().set(["v"], 1);
    for (let i = 0; i < 11; i++) checks.check(["c", i], null);
    await assert.rejects(checks.commit(), /at most 10 checks/);

    const mutations = kv.atomic().set(["v"], 1);
    for (let i = 0; i < 1_000; i++) mutations.delete(["d", i]);
    await assert.rejects(mutations.commit(), /at most 1000 mutations/);

    const bytes = kv.atomic();
    for (let i = 0; i < 14; i++) bytes.set(["b", i], new Uint8Array(60_000));
    await assert.rejects(bytes.commit(), /at most 819200 bytes,/);

    const keys = kv.atomic();
    for (let i = 0; i < 900; i++) keys.set(["k".repeat(90), i], 1);
    await assert.rejects(keys.commit(), /at most 81920 bytes of keys/);

    assert.deepEqual(await values(kv, { start: [], end: ["z"] }), []);
  });

  test("values up to the limits are accepted", async (kv) => {
    await kv.set(["k".repeat(2_046)], new Uint8Array(65_536));
    await kv.set(["text"], "x".repeat(65_530));
    const commit = kv.atomic();
    for (let i = 0; i < 10; i++) commit.check(["c", i], null);
    for (let i = 0; i < 13; i++) commit.set(["b", i], new Uint8Array(60_000));
    for (let i = 0; i < 987; i++) commit.delete(["d", i]);
    assert.equal(await commit.commit(), true);
  });

  test("no value or key makes the store itself refuse", async (kv) => {
    const part = fc.oneof(
      fc.string({ maxLength: 700 }),
      fc.uint8Array({ maxLength: 700 }),
      fc.integer(),
      fc.bigInt(),
      fc.boolean(),
    );
    const value = fc.oneof(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withTypedArray: true,
      }),
      // Around the limit, in one-byte and two-byte text and in bytes.
      fc.tuple(
        fc.constantFrom("x", "é", "€"),
        fc.integer({ min: 21_000, max: 66_000 }),
      ).map(([letter, count]) => [letter.repeat(count)]),
      fc.integer({ min: 65_400, max: 65_600 })
        .map((size) => ({ bytes: new Uint8Array(size) })),
      fc.integer({ min: 1_000, max: 9_000 })
        .map((n) => Array.from({ length: n }, () => new Uint8Array(1))),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        value,
        fc.boolean(),
        async (key, value, expires) => {
          const options = expires ? { expiresAt: Infinity } : {};
          try {
            await kv.set(key, value, options);
          } catch (error) {
            assert.ok(error instanceof RangeError, String(error));
            return;
          }
          assert.ok(await kv.get(key));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("only the bytes of a view are stored, not its whole buffer", async (kv) => {
    const buffer = new Uint8Array(100_000).fill(7);
    const stored = { window: buffer.subarray(10, 12) };
    await kv.set(["window"], stored);
    await kv.set(["raw"], stored.window, { expiresAt: Infinity });
    const back = await kv.get<typeof stored>(["window"]);
    assert.equal(back?.value.window.buffer.byteLength, 2);
    const raw = await kv.get<Uint8Array>(["raw"]);
    assert.equal(raw?.value.buffer.byteLength, 2);
  });

  test(
    "all entries are read with counters and times of expiry, from any key on",
    async (kv, clock) => {
      const expiresAt = clock.now() + 1_000;
      const long = Array.from({ length: 250 }, (_, i) => ["l", i]);
      for (const key of long) await kv.set(key, key[1]);
      await kv.atomic().set(["a"], { to: "expire" }, { expiresAt })
        .set(["a", "b"], 1).set(["z"], { "~expiresAt": 1, "~value": "plain" })
        .set(["gone"], 1, { expiresAt: clock.now() }).sum(["n"], 7n).commit();
      const all = await Array.fromAsync(kv.entries());
      assert.deepEqual(
        all.map(({ key }) => key),
        [["a"], ["a", "b"], ...long, ["n"], ["z"]],
      );
      assert.deepEqual(all[0], {
        key: ["a"],
        value: { to: "expire" },
        expiresAt,
      });
      assert.deepEqual(all.at(-2), { key: ["n"], value: new Deno.KvU64(7n) });
      assert.deepEqual(all.at(-1), {
        key: ["z"],
        value: { "~expiresAt": 1, "~value": "plain" },
      });
      const rest = await Array.fromAsync(kv.entries({ after: ["l", 249] }));
      assert.deepEqual(rest.map(({ key }) => key), [["n"], ["z"]]);
      const next = await kv.entries({ after: ["a"] }).next();
      assert.deepEqual(next.value?.key, ["a", "b"]);
    },
  );

  test("a counter of another store is set and goes on", async (kv) => {
    await kv.set(["c"], new Deno.KvU64(40n));
    await kv.atomic().sum(["c"], 2n).commit();
    assert.equal(await kv.counter(["c"]), 42n);
    await kv.set(["text"], "no number");
    await assert.rejects(kv.atomic().sum(["text"], 1n).commit());
    assert.equal((await kv.get(["text"]))?.value, "no number");
  });

  test("of several changes of one key in a commit the last one counts", async (kv) => {
    await kv.atomic().set(["k"], 1).set(["k"], 2).commit();
    assert.equal((await kv.get(["k"]))?.value, 2);
    await kv.atomic().set(["k"], 3).delete(["k"]).commit();
    assert.equal(await kv.get(["k"]), undefined);
    await kv.atomic().sum(["n"], 1n).sum(["n"], 2n).commit();
    assert.equal(await kv.counter(["n"]), 3n);
    await kv.atomic().delete(["n"]).sum(["n"], 5n).commit();
    assert.equal(await kv.counter(["n"]), 5n);
  });

  test("what was read can be changed and stored again", async (kv) => {
    const values = {
      plain: { list: [1, null, { deep: "\0\ud800é" }], yes: true },
      odd: { undef: undefined, minus: -0, inf: -Infinity, big: 2n ** 70n },
      rich: { at: new Date(5), map: new Map([["a", 1]]), set: new Set([1]) },
      bytes: { some: new Uint8Array([1, 2]), numbers: new Float64Array([1.5]) },
    };
    for (const [name, value] of Object.entries(values)) {
      await kv.set(["v", name], value);
      const entry = await kv.get(["v", name]);
      assert.deepEqual(entry?.value, value);
      const again = kv.atomic().check(["v", name], entry?.versionstamp ?? null)
        .set(["v", name], entry?.value);
      assert.equal(await again.commit(), true);
      assert.deepEqual((await kv.get(["v", name]))?.value, value);
    }
  });

  test("closing twice is allowed", (kv) => {
    kv.close();
    return Promise.resolve();
  });
}

async function values(
  kv: Kv,
  selector: ListSelector,
  options?: ListOptions,
): Promise<unknown[]> {
  const entries: Entry<unknown>[] = [];
  for await (const entry of kv.list(selector, options)) entries.push(entry);
  assert.ok(entries.every((e): e is Entry<unknown> & { key: Key } => !!e.key));
  return entries.map((entry) => entry.value);
}
