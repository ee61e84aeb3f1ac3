import assert from "node:assert/strict";
import { RateLimiter } from "./rate_limit.ts";
import { rateKey } from "./keys.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "./open_kv.ts";
import type { Kv } from "./kv.ts";

const LOGIN = { name: "login", limit: 5, windowSeconds: 60 };
const ALLOWED = { allowed: true, retryAfterSeconds: 0 };

async function withLimiters(
  body: (
    one: RateLimiter,
    two: RateLimiter,
    clock: ManualClock,
    kv: Kv,
  ) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    // Two instances over one store.
    await body(
      new RateLimiter(kv, clock),
      new RateLimiter(kv, clock),
      clock,
      kv,
    );
  } finally {
    kv.close();
  }
}

Deno.test("the limit holds across two instances and returns when to retry", () =>
  withLimiters(async (one, two, clock) => {
    for (const limiter of [one, two, one, two, one]) {
      assert.deepEqual(await limiter.take(LOGIN, "192.0.2.1"), ALLOWED);
    }
    for (const limiter of [one, two, one]) {
      assert.deepEqual(await limiter.take(LOGIN, "192.0.2.1"), {
        allowed: false,
        retryAfterSeconds: 12,
      });
    }
    assert.deepEqual(await one.take(LOGIN, "192.0.2.2"), ALLOWED);
    clock.advance(12_000);
    assert.deepEqual(await two.take(LOGIN, "192.0.2.1"), ALLOWED);
    assert.equal((await one.take(LOGIN, "192.0.2.1")).allowed, false);
  }));

Deno.test("all addresses of one IPv6 network count as one, those of another do not", () =>
  withLimiters(async (one, two) => {
    const network = [
      "2001:db8:0:7::1",
      "2001:db8:0:7::2",
      "2001:db8:0:7:ffff::",
      "2001:db8:0:7:a:b:c:d",
      "2001:db8:0:7::1%eth0",
    ];
    for (const address of network) {
      assert.deepEqual(await one.take(LOGIN, address), ALLOWED, address);
    }
    const next = await two.take(LOGIN, "2001:DB8:0:7:9:9:9:9");
    assert.equal(next.allowed, false);
    assert.deepEqual(await two.take(LOGIN, "2001:db8:0:8::1"), ALLOWED);
    for (let i = 0; i < 5; i++) await one.take(LOGIN, "192.0.2.1");
    const mapped = await one.take(LOGIN, "::ffff:192.0.2.1");
    assert.equal(mapped.allowed, false);
    assert.deepEqual(await one.take(LOGIN, "::ffff:192.0.2.2"), ALLOWED);
  }));

Deno.test("no minute, whenever it starts, lets more than twice the limit through", () =>
  withLimiters(async (one, _two, clock) => {
    const allowedAt: number[] = [];
    for (let second = 0; second < 300; second++) {
      if ((await one.take(LOGIN, "x")).allowed) allowedAt.push(second);
      clock.advance(1_000);
    }
    for (let start = 0; start < 240; start++) {
      const inside = allowedAt.filter((s) => s >= start && s < start + 60);
      assert.ok(inside.length <= 10, `${inside.length} from ${start}`);
    }
    assert.equal(allowedAt.filter((s) => s >= 60).length, 20);
  }));

Deno.test("a concurrent flood over two instances gets no more than the limit", () =>
  withLimiters(async (one, two) => {
    const decisions = await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => (i % 2 ? one : two).take(LOGIN, "x"),
      ),
    );
    assert.equal(decisions.filter((d) => d.allowed).length, 5);
  }));

Deno.test("what is given back can be used again, also where another instance was refused", () =>
  withLimiters(async (one, two, clock, kv) => {
    for (let i = 0; i < 5; i++) await one.take(LOGIN, "x");
    assert.equal((await one.take(LOGIN, "x")).allowed, false);
    assert.equal((await two.take(LOGIN, "x")).allowed, false);
    await one.giveBack(LOGIN, "x", 2);
    assert.deepEqual(await one.take(LOGIN, "x"), ALLOWED);
    clock.advance(2_000);
    assert.deepEqual(await two.take(LOGIN, "x"), ALLOWED);
    await two.giveBack(LOGIN, "x", 100);
    assert.equal(await kv.get(rateKey("login", "x")), undefined);
    await one.giveBack(LOGIN, "y");
    for (let i = 0; i < 5; i++) await two.take(LOGIN, "y");
    assert.equal((await two.take(LOGIN, "y")).allowed, false);
  }));

Deno.test("a failing store does not fail a request that succeeded", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const limiter = new RateLimiter(kv, clock);
  kv.close();
  await limiter.giveBack(LOGIN, "x");
});

Deno.test("after a fast clock is set back the count is kept, and no client is blocked for longer than the window", () =>
  withLimiters(async (one, two, clock) => {
    const day = 86_400_000;
    clock.advance(day);
    for (let i = 0; i < 5; i++) await one.take(LOGIN, "full");
    assert.equal((await one.take(LOGIN, "full")).allowed, false);
    for (let i = 0; i < 2; i++) await one.take(LOGIN, "some");
    clock.setBack(day);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await one.take(LOGIN, "some"), ALLOWED);
    }
    assert.equal((await two.take(LOGIN, "some")).allowed, false);
    const refused = await one.take(LOGIN, "full");
    assert.deepEqual(refused, { allowed: false, retryAfterSeconds: 12 });
    clock.advance(12_000);
    assert.deepEqual(await two.take(LOGIN, "full"), ALLOWED);
    assert.equal((await one.take(LOGIN, "full")).allowed, false);
  }));

Deno.test("a row of an earlier version from the future is bounded by the window", () =>
  withLimiters(async (one, _two, clock, kv) => {
    const paidBackAt = clock.now() + 86_400_000;
    await kv.set(rateKey("login", "x"), { paidBackAt }, {
      expiresAt: paidBackAt,
    });
    assert.equal((await one.take(LOGIN, "x")).allowed, false);
    clock.advance(12_000);
    assert.deepEqual(await one.take(LOGIN, "x"), ALLOWED);
  }));

Deno.test("a higher cost counts as that many, and is always refused when above the limit", () =>
  withLimiters(async (one) => {
    assert.equal((await one.take(LOGIN, "x", 6)).allowed, false);
    assert.equal((await one.take(LOGIN, "x")).allowed, true);
    assert.equal((await one.take(LOGIN, "y", 4)).allowed, true);
    assert.equal((await one.take(LOGIN, "y", 2)).allowed, false);
  }));

Deno.test("an idle subject leaves no row behind", () =>
  withLimiters(async (one, _two, clock, kv) => {
    await one.take(LOGIN, "x");
    assert.ok(await kv.get(rateKey("login", "x")));
    clock.advance(12_000);
    assert.equal(await kv.get(rateKey("login", "x")), undefined);
  }));
