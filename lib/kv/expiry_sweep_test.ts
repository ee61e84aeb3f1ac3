import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ManualClock } from "../testing_clock.ts";
import { DenoKv } from "./deno_kv.ts";
import { ExpirySweep } from "./expiry_sweep.ts";

const MINUTE_MS = 60_000;

/** A store and the rows that are in it, expired ones too. */
async function withStore(
  use: (rig: {
    kv: DenoKv;
    clock: ManualClock;
    stored: () => Promise<number>;
  }) => Promise<void>,
): Promise<void> {
  const native = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const kv = new DenoKv(native, clock);
  const stored = async () =>
    (await Array.fromAsync(native.list({ prefix: [] }))).length;
  try {
    await use({ kv, clock, stored });
  } finally {
    kv.close();
  }
}

/** Stores `count` rows; every `every`th expires in a second. */
async function fill(
  kv: DenoKv,
  clock: ManualClock,
  count: number,
  every: number,
): Promise<void> {
  const expiresAt = clock.now() + 1_000;
  const rows = Array.from({ length: count }, (_, row) => row);
  await Promise.all(
    rows.map((row) =>
      kv.set(["row", row], row, row % every === 0 ? { expiresAt } : {})
    ),
  );
}

Deno.test("expired rows are removed a minute after they expired, others are not", () =>
  withStore(async ({ kv, clock, stored }) => {
    await fill(kv, clock, 1_500, 3);
    await kv.set(["later"], 1, { expiresAt: clock.now() + 2 * MINUTE_MS });
    clock.advance(MINUTE_MS);
    assert.equal(await kv.sweepExpired(), 0);
    clock.advance(1_000);
    assert.equal(await kv.sweepExpired(), 500);
    assert.equal(await stored(), 1_001);
    assert.equal((await kv.get(["later"]))?.value, 1);
  }));

Deno.test("a run reads a part of a large store, and the next ones the rest", () =>
  withStore(async ({ kv, clock, stored }) => {
    await fill(kv, clock, 6_000, 100);
    clock.advance(2 * MINUTE_MS);
    const first = await kv.sweepExpired();
    assert(first > 0 && first < 60, String(first));
    for (let run = 0; run < 3; run++) await kv.sweepExpired();
    assert.equal(await stored(), 5_940);
  }));

Deno.test("a run continues where most rows have expired", () =>
  withStore(async ({ kv, clock, stored }) => {
    await fill(kv, clock, 6_000, 1);
    clock.advance(2 * MINUTE_MS);
    assert.equal(await kv.sweepExpired(), 6_000);
    assert.equal(await stored(), 0);
  }));

Deno.test("a row that was stored again while it was to be removed stays", () =>
  withStore(async ({ kv, clock }) => {
    await fill(kv, clock, 10, 1);
    clock.advance(2 * MINUTE_MS);
    const swept = kv.sweepExpired();
    await kv.set(["row", 3], "new");
    await swept;
    assert.equal((await kv.get(["row", 3]))?.value, "new");
  }));

Deno.test("a run that cannot write fails without ending the process, and the next one removes", async () => {
  const native = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const store = new DenoKv(native, clock);
  let isFull = true;
  const full = () =>
    new Promise<never>((_, reject) =>
      queueMicrotask(() => reject(new Error("database or disk is full")))
    );
  const sweep = new ExpirySweep({
    kv: native,
    policy: (call) => call(),
    clock,
    atomic: () => {
      const atomic = store.atomic();
      const commit = atomic.commit.bind(atomic);
      atomic.commit = () => isFull ? full() : commit();
      return atomic;
    },
  });
  try {
    await fill(store, clock, 300, 2);
    clock.advance(2 * MINUTE_MS);
    await assert.rejects(sweep.run(), /disk is full/);
    isFull = false;
    assert.equal(await sweep.run(), 150);
  } finally {
    store.close();
  }
});

Deno.test("a file stores no time for Deno to remove rows by", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/kv.sqlite3`;
  const kv = new DenoKv(await Deno.openKv(path));
  try {
    await kv.set(["row"], 1, { expiresAt: Date.now() + MINUTE_MS });
    const database = new DatabaseSync(path, { readOnly: true });
    const query =
      "select count(*) as rows, sum(expiration_ms > 0) as timed from kv";
    const counted = { ...database.prepare(query).get() };
    database.close();
    assert.deepEqual(counted, { rows: 1, timed: 0 });
  } finally {
    kv.close();
    await Deno.remove(folder, { recursive: true });
  }
});
