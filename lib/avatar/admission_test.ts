import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { Admission } from "./admission.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";

async function withAdmission(
  perMinute: number,
  body: (admission: Admission, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    const options = { clientPerMinute: perMinute, clientSizesPerDay: 4 };
    await body(new Admission(new RateLimiter(kv, clock), options), clock);
  } finally {
    kv.close();
  }
}

Deno.test("a client over the limit gets a retry time, others are not affected", () =>
  withAdmission(3, async (admission, clock) => {
    for (const work of ["a", "b", "c"]) await admission.admit("one", work);
    await assert.rejects(admission.admit("one", "d"), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "TOOMANYREQUESTS");
      assert.equal(error.retryAfterSeconds, 20);
      return true;
    });
    await admission.admit("two", "d");
    clock.advance(20_000);
    await admission.admit("one", "d");
  }));

Deno.test("concurrent requests for the same work count once", () =>
  withAdmission(2, async (admission) => {
    const crowd = () =>
      Promise.all(
        Array.from({ length: 100 }, () => admission.admit("one", "a")),
      );
    await crowd();
    await crowd();
    await assert.rejects(crowd());
  }));

Deno.test("with a limit of zero, or without a client, nothing is counted", () =>
  withAdmission(0, async (admission) => {
    for (let i = 0; i < 1000; i++) await admission.admit("one", `${i}`);
    await admission.admit(undefined, "a");
  }));

Deno.test("uncommon sizes are limited per minute and per day, common ones separately", () =>
  withAdmission(3, async (admission, clock) => {
    const visitor = admission.visitor("one");
    const odd = (work: string) => visitor.mayMake(work, "other");
    const made = [];
    for (const work of ["a", "b", "c", "d"]) made.push(await odd(work));
    assert.deepEqual(made, [true, true, true, false]);
    assert.equal(await visitor.mayMake("e", "common"), true);
    clock.advance(60_000);
    assert.deepEqual([await odd("f"), await odd("g")], [true, false]);
    assert.equal(await visitor.mayMake("h", "common"), true);
    assert.equal(await admission.visitor("two").mayMake("i", "other"), true);
    clock.advance(6 * 3_600_000);
    assert.equal(await odd("j"), true);
  }));
