import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { systemClock } from "../clock.ts";
import type { Kv } from "./kv.ts";
import { acquireLease, leasesEnded, withLease } from "./lease.ts";
import { leaseKey } from "./keys.ts";
import { settle } from "./testing.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "./open_kv.ts";

const TTL = { ttlMs: 3_000 };

async function withKv(
  body: (kv: Kv, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    await body(kv, clock);
  } finally {
    kv.close();
  }
}

Deno.test("one name is held once, other names are free", () =>
  withKv(async (kv, clock) => {
    const first = await acquireLease(kv, clock, "a", TTL);
    assert.ok(first);
    assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
    const other = await acquireLease(kv, clock, "b", TTL);
    assert.ok(other);
    await first.release();
    const second = await acquireLease(kv, clock, "a", TTL);
    assert.ok(second);
    await second.release();
    await other.release();
  }));

Deno.test("a living holder keeps the lease beyond its time to live", () =>
  withKv(async (kv, clock) => {
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    for (let i = 0; i < 10; i++) {
      clock.advance(1_000);
      await settle(kv);
    }
    assert.equal(lease.signal.aborted, false);
    assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
    await lease.release();
    assert.equal(lease.signal.aborted, true);
  }));

Deno.test("a dead holder's lease can be acquired after it has expired", () =>
  withKv(async (kv, clock) => {
    // A dead process leaves a row that is not renewed.
    await kv.set(leaseKey("a"), { owner: "dead" }, {
      expiresAt: clock.now() + 3_000,
    });
    clock.advance(2_999);
    assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
    clock.advance(1);
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    await lease.release();
  }));

Deno.test("a holder notices that another one has its lease, and does not release it", () =>
  withKv(async (kv, clock) => {
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    await kv.set(leaseKey("a"), { owner: "another" });
    clock.advance(1_000);
    await settle(kv);
    assert.equal(lease.signal.aborted, true);
    assert.ok(isAppError(lease.signal.reason, "UNAVAILABLE"));
    await lease.release();
    assert.deepEqual((await kv.get(leaseKey("a")))?.value, {
      owner: "another",
    });
  }));

for (const fault of ["fails", "hangs"] as const) {
  Deno.test(`a holder whose store ${fault} gives up when the lease ends, not before`, () =>
    withKv(async (kv, clock) => {
      let broken = false;
      const flaky = new Proxy(kv, {
        get(target, name) {
          if (name === "getMany" && broken) {
            return () =>
              fault === "fails"
                ? Promise.reject(new Error("no store"))
                : new Promise(() => {});
          }
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      const lease = await acquireLease(flaky, clock, "a", TTL);
      assert.ok(lease);
      broken = true;
      for (const aborted of [false, false, true]) {
        clock.advance(1_000);
        await settle(kv);
        assert.equal(lease.signal.aborted, aborted);
      }
    }));
}

Deno.test("withLease waits for the lease and returns the result of the work", () =>
  withKv(async (kv, clock) => {
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    const waiting = withLease(
      kv,
      clock,
      "a",
      { ...TTL, waitMs: 500 },
      () => Promise.resolve("done"),
    );
    await settle(kv);
    await lease.release();
    clock.advance(100);
    assert.equal(await waiting, "done");
    assert.equal(await kv.get(leaseKey("a")), undefined);
  }));

Deno.test("withLease gives up after the waiting time, and when the caller aborts", () =>
  withKv(async (kv, clock) => {
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    const fail = () => Promise.reject(new Error("must not run"));
    await assert.rejects(
      withLease(kv, clock, "a", TTL, fail),
      (error) => isAppError(error, "UNAVAILABLE"),
    );
    await assert.rejects(
      withLease(kv, clock, "a", {
        ...TTL,
        waitMs: 500,
        signal: AbortSignal.abort(new Error("left")),
      }, fail),
      /left/,
    );
    await lease.release();
  }));

Deno.test("work that throws releases the lease", () =>
  withKv(async (kv, clock) => {
    await assert.rejects(
      withLease(kv, clock, "a", TTL, () => Promise.reject(new Error("broke"))),
      /broke/,
    );
    assert.equal(await kv.get(leaseKey("a")), undefined);
  }));

Deno.test("twenty concurrent callers get the lease one at a time", async () => {
  const kv = await openKv(":memory:");
  let inside = 0;
  let turns = 0;
  const options = { ttlMs: 10_000, waitMs: 30_000 };
  await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        withLease(kv, systemClock, "a", options, async () => {
          assert.equal(++inside, 1);
          await settle(kv);
          inside--;
          turns++;
        }),
    ),
  );
  assert.equal(turns, 20);
  kv.close();
});

Deno.test("several leases are acquired all together or not at all", () =>
  withKv(async (kv, clock) => {
    const names = ["a", "b", "c"];
    const b = await acquireLease(kv, clock, "b", TTL);
    assert.ok(b);
    assert.equal(await acquireLease(kv, clock, names, TTL), undefined);
    const a = await acquireLease(kv, clock, "a", TTL);
    assert.ok(a);
    await a.release();
    await b.release();
    const all = await acquireLease(kv, clock, names, TTL);
    assert.ok(all);
    for (const name of names) {
      assert.equal(await acquireLease(kv, clock, name, TTL), undefined);
    }
    await all.release();
    for (const name of names) {
      const one = await acquireLease(kv, clock, name, TTL);
      assert.ok(one);
      await one.release();
    }
  }));

const DAY = 86_400_000;

Deno.test("a dead holder's lease from a fast clock ends one time to live after the clock is set back", () =>
  withKv(async (kv, clock) => {
    clock.advance(DAY);
    const until = clock.now() + TTL.ttlMs;
    const row = { owner: "dead", until, ttlMs: TTL.ttlMs };
    await kv.set(leaseKey("a"), row, { expiresAt: until });
    clock.setBack(DAY);
    assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
    clock.advance(2_999);
    assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
    clock.advance(1);
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    await lease.release();
  }));

Deno.test("a living holder keeps its lease when the clock is set back", () =>
  withKv(async (kv, clock) => {
    clock.advance(DAY);
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    clock.setBack(DAY);
    for (let i = 0; i < 10; i++) {
      assert.equal(await acquireLease(kv, clock, "a", TTL), undefined);
      clock.advance(1_000);
      await settle(kv);
    }
    assert.equal(lease.signal.aborted, false);
    await lease.release();
    const next = await acquireLease(kv, clock, "a", TTL);
    assert.ok(next);
    await next.release();
  }));

Deno.test("a holder that cannot reach the store gives up in time even if the clock is set back", () =>
  withKv(async (kv, clock) => {
    let broken = false;
    const getMany = kv.getMany.bind(kv);
    Object.assign(kv, {
      getMany: (keys: Parameters<Kv["getMany"]>[0]) =>
        broken ? Promise.reject(new Error("away")) : getMany(keys),
    });
    clock.advance(DAY);
    const lease = await acquireLease(kv, clock, "a", TTL);
    assert.ok(lease);
    broken = true;
    clock.setBack(DAY);
    for (let i = 0; i < 5; i++) {
      clock.advance(1_000);
      await settle(kv);
    }
    assert.equal(lease.signal.aborted, true);
    broken = false;
    await lease.release();
  }));

Deno.test("the wait for a lease ends in time even if the clock is set back", async () => {
  let now = Date.UTC(2026, 0, 2);
  const slept: number[] = [];
  const clock = {
    now: () => now,
    sleep: (ms: number) => {
      slept.push(ms);
      now -= DAY;
      return Promise.resolve();
    },
  };
  const kv = await openKv(":memory:", clock);
  await kv.set(leaseKey("a"), { owner: "another" });
  const options = { ttlMs: 3_000, waitMs: 1_000 };
  assert.equal(await acquireLease(kv, clock, "a", options), undefined);
  const total = slept.reduce((sum, ms) => sum + ms, 0);
  assert.ok(total > 900 && total <= 1_001, String(total));
  kv.close();
});

Deno.test("a commit can release the lease it works under, and fails when the lease was lost", () =>
  withKv(async (kv, clock) => {
    await withLease(kv, clock, ["a", "b"], TTL, async (_, ending) => {
      const rows = await kv.getMany(ending.keys);
      const commit = kv.atomic().set(["done"], 1);
      ending.add(commit, rows);
      assert.ok(await commit.commit());
      ending.done();
      const next = await acquireLease(kv, clock, ["a", "b"], TTL);
      assert.ok(next, "others do not wait for the end of the work");
      const late = kv.atomic().set(["late"], 1);
      ending.add(late, rows);
      assert.equal(await late.commit(), false);
      const now = await kv.getMany(ending.keys);
      assert.throws(
        () => ending.add(kv.atomic(), now),
        (error) => isAppError(error, "UNAVAILABLE"),
      );
      await next.release();
    });
    assert.equal((await kv.get(["late"]))?.value, undefined);
  }));

Deno.test("a lease is not acquired while another one that has to be free is held", () =>
  withKv(async (kv, clock) => {
    const options = { ...TTL, whileFree: "closed" };
    const open = await acquireLease(kv, clock, "a", options);
    assert.ok(open);
    const closing = await acquireLease(kv, clock, "closed", TTL);
    assert.ok(closing);
    assert.equal(await acquireLease(kv, clock, "b", options), undefined);
    await closing.release();
    const next = await acquireLease(kv, clock, "b", options);
    assert.ok(next);
    await next.release();
    await open.release();
  }));

Deno.test("the end of all leases of a prefix is waited for, also when their holder died", () =>
  withKv(async (kv, clock) => {
    const ended = (waitMs: number) => leasesEnded(kv, clock, "a/", { waitMs });
    await kv.set(leaseKey("a"), { owner: "another name" });
    await kv.set(leaseKey("b/1"), { owner: "another name" });
    assert.equal(await ended(0), true);
    const living = await acquireLease(kv, clock, "a/1", TTL);
    await kv.set(leaseKey("a/2"), { owner: "dead" }, {
      expiresAt: clock.now() + 3_000,
    });
    assert.equal(await ended(0), false);
    let result: boolean | undefined;
    ended(60_000).then((is) => result = is);
    await living?.release();
    for (let ms = 0; ms < 3_000; ms += 25) {
      assert.equal(result, undefined);
      await settle(kv);
      clock.advance(25);
    }
    await settle(kv);
    assert.equal(result, true);
  }));
