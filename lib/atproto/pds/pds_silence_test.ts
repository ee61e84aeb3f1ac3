import assert from "node:assert/strict";
import { AppError, isAppError } from "../../errors.ts";
import { ManualClock } from "../../testing_clock.ts";
import { PdsSilence } from "./pds_pace.ts";
import { XrpcFailure } from "./xrpc.ts";

const NAME = "pds.example";
const PDS = `https://${NAME}`;

/** A PDS whose calls a test answers. */
function setUp() {
  const clock = new ManualClock();
  const silence = new PdsSilence(clock);
  const calls: PromiseWithResolvers<string>[] = [];
  const call = (name = NAME) => {
    const done = silence.run(name, () => {
      const one = Promise.withResolvers<string>();
      calls.push(one);
      return one.promise;
    });
    done.catch(() => {});
    return done;
  };
  return { clock, silence, calls, call };
}

const isSilent = (error: unknown) =>
  isAppError(error, "UNAVAILABLE") && /does not respond/.test(error.message);

/** Lets a call time out. */
async function timeOut(t: ReturnType<typeof setUp>): Promise<void> {
  const first = t.call();
  t.clock.advance(10_000);
  t.calls.at(-1)?.reject(new AppError("UPSTREAM_TIMEOUT", "It is too slow."));
  await assert.rejects(first, (error) => isAppError(error, "UPSTREAM_TIMEOUT"));
}

Deno.test("calls fail at once while a PDS hangs, but for one at a time", async () => {
  const t = setUp();
  void t.call();
  t.clock.advance(4_999);
  void t.call();
  assert.equal(t.calls.length, 2);
  assert.equal(t.silence.isSilent(PDS), false);
  t.clock.advance(1);
  assert.equal(t.silence.isSilent(PDS), true);
  const probe = t.call();
  for (let i = 0; i < 100; i++) await assert.rejects(t.call(), isSilent);
  assert.equal(t.calls.length, 3);
  // The caller that probes does not wait long either, and its call goes on.
  t.clock.advance(2_000);
  await assert.rejects(probe, isSilent);
  await assert.rejects(t.call(), isSilent);
  t.calls[2]?.resolve("late");
  await new Promise((next) => setTimeout(next));
  assert.equal(t.silence.isSilent(PDS), false);
  const after = t.call();
  t.calls[3]?.resolve("soon");
  assert.equal(await after, "soon");
});

Deno.test("a PDS that did not respond is tried again after half a minute at the latest", async () => {
  const t = setUp();
  await timeOut(t);
  assert.equal(t.silence.isSilent(PDS), true);
  t.clock.advance(30_000);
  assert.equal(t.silence.isSilent(PDS), false);
  const again = t.call();
  t.calls.at(-1)?.resolve("it is back");
  assert.equal(await again, "it is back");
});

Deno.test("a PDS that refuses, or responds to other calls, does not hang", async () => {
  const t = setUp();
  void t.call();
  t.clock.advance(3_000);
  const refused = t.call();
  t.calls[1]?.reject(new XrpcFailure("a.b.c", 400, "InvalidRequest", "", 0));
  await assert.rejects(refused, XrpcFailure);
  t.clock.advance(4_000);
  assert.equal(t.silence.isSilent(PDS), false, "slow, but not silent");
});

Deno.test("one PDS that hangs is no other", async () => {
  const t = setUp();
  await timeOut(t);
  void t.call("other.example");
  assert.equal(t.calls.length, 2);
  assert.equal(t.silence.isSilent("https://other.example"), false);
  assert.equal(t.silence.isSilent(undefined), false);
});

Deno.test("after a clock was set back, a PDS is not taken to hang for long", async () => {
  const t = setUp();
  await timeOut(t);
  t.clock.setBack(3_600_000);
  assert.equal(t.silence.isSilent(PDS), false);
});
