import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { LargeValues } from "./large_value.ts";
import { chunkKey, unfinishedKeys } from "./keys.ts";
import type { Kv } from "./kv.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "./open_kv.ts";

const LARGE_VALUE_MAX_BYTES = 8 * 1024 * 1024;

const KEY = ["registry", "bytes", "one"];
const CHUNKS = { prefix: ["kv", "chunk"] };

async function withValues(
  body: (values: LargeValues, kv: Kv, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    await body(new LargeValues(kv, clock), kv, clock);
  } finally {
    kv.close();
  }
}

function someBytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, i) => (i * 31 + (i >> 8) + seed) & 255,
  );
}

async function count(kv: Kv, prefix: readonly string[]): Promise<number> {
  let entries = 0;
  for await (const _ of kv.list({ prefix })) entries++;
  return entries;
}

Deno.test("values of every size up to 8 MiB come back byte for byte", () =>
  withValues(async (values) => {
    const sizes = [0, 1, 60_000, 60_001, 65_537, 780_000, 780_001];
    for (const size of [...sizes, LARGE_VALUE_MAX_BYTES]) {
      const bytes = someBytes(size);
      await values.set(KEY, bytes);
      assert.deepEqual(await values.get(KEY), bytes, `${size} bytes`);
    }
  }));

Deno.test("a value beyond 8 MiB is refused and the old one stays", () =>
  withValues(async (values) => {
    await values.set(KEY, someBytes(10));
    await assert.rejects(
      values.set(KEY, new Uint8Array(LARGE_VALUE_MAX_BYTES + 1)),
      RangeError,
    );
    assert.deepEqual(await values.get(KEY), someBytes(10));
  }));

Deno.test("an overwritten or deleted value leaves no chunk behind", () =>
  withValues(async (values, kv) => {
    await values.set(KEY, someBytes(1_000_000));
    await values.set(KEY, someBytes(200_000, 2));
    assert.equal(await count(kv, CHUNKS.prefix), 4);
    assert.deepEqual(await values.get(KEY), someBytes(200_000, 2));
    await values.delete(KEY);
    assert.equal(await values.get(KEY), undefined);
    assert.equal(await count(kv, CHUNKS.prefix), 0);
    await values.delete(KEY);
  }));

Deno.test("a value expires with its chunks", () =>
  withValues(async (values, kv, clock) => {
    const expiresAt = clock.now() + 1_000;
    await values.set(KEY, someBytes(100_000), { expiresAt });
    assert.ok(await values.get(KEY));
    clock.advance(1_000);
    assert.equal(await values.get(KEY), undefined);
    clock.advance(60_000);
    assert.equal(await count(kv, CHUNKS.prefix), 0);
  }));

Deno.test("a writer that dies half-way is never seen and swept after an hour", () =>
  withValues(async (values, kv, clock) => {
    await values.set(KEY, someBytes(70_000));
    const dying = new LargeValues(failingAfter(kv, 2), clock);
    await assert.rejects(dying.set(KEY, someBytes(2_000_000, 3)), /power cut/);
    assert.deepEqual(await values.get(KEY), someBytes(70_000));
    assert.equal(await count(kv, CHUNKS.prefix), 2 + 26);

    assert.equal(await values.sweep(), 0);
    clock.advance(3_600_000);
    assert.equal(await values.sweep(), 1);
    assert.equal(await count(kv, CHUNKS.prefix), 2);
    assert.deepEqual(await values.get(KEY), someBytes(70_000));
    for await (const _ of kv.list(unfinishedKeys)) assert.fail();
  }));

Deno.test("readers see one whole value while writers replace it", () =>
  withValues(async (values, kv) => {
    const versions = [1, 2, 3, 4].map((seed) => someBytes(150_000, seed));
    const whole = new Set(versions.map((bytes) => bytes.join()));
    await values.set(KEY, someBytes(150_000, 1));
    const write = async (bytes: Uint8Array) => {
      for (let i = 0; i < 10; i++) await values.set(KEY, bytes);
    };
    const read = async () => {
      for (let i = 0; i < 20; i++) {
        assert.ok(whole.has((await values.get(KEY))?.join() ?? "none"));
      }
    };
    await Promise.all([...versions.slice(1).map(write), read()]);
    assert.equal(await count(kv, CHUNKS.prefix), 3);
  }));

Deno.test("a missing chunk is an error, not a shorter value", () =>
  withValues(async (values, kv) => {
    await values.set(KEY, someBytes(100_000));
    const pointer = await kv.get<{ id: string }>(KEY);
    await kv.delete(chunkKey(pointer?.value.id ?? "", 1));
    await assert.rejects(values.get(KEY), (e) => isAppError(e, "INTERNAL"));
  }));

/** `kv` whose commits fail after the first `commits`. */
function failingAfter(kv: Kv, commits: number): Kv {
  return new Proxy(kv, {
    get(target, name) {
      if (name === "atomic" && commits-- <= 0) {
        throw new Error("power cut");
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
