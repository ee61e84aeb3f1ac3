import assert from "node:assert/strict";
import { ManualClock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { DenoKv } from "../kv/deno_kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { Admission } from "./admission.ts";

async function withAdmission(
  perMinute: number,
  body: (admission: Admission, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = new DenoKv(await Deno.openKv(":memory:"), clock);
  try {
    await body(new Admission(new RateLimiter(kv, clock), perMinute), clock);
  } finally {
    kv.close();
  }
}

Deno.test("a client that asked for too much is told when to come back, others go on", () =>
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

Deno.test("a crowd that asks for the same work counts once", () =>
  withAdmission(2, async (admission) => {
    const crowd = () =>
      Promise.all(
        Array.from({ length: 100 }, () => admission.admit("one", "a")),
      );
    await crowd();
    await crowd();
    await assert.rejects(crowd());
  }));

Deno.test("with a limit of zero, or of nobody in particular, nothing is counted", () =>
  withAdmission(0, async (admission) => {
    for (let i = 0; i < 1000; i++) await admission.admit("one", `${i}`);
    await admission.admit(undefined, "a");
  }));
