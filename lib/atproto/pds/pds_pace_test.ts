import assert from "node:assert/strict";
import { ManualClock } from "../../testing_clock.ts";
import { until } from "../../../tests/support/until.ts";
import { PdsPace } from "./pds_pace.ts";
import { XrpcFailure } from "./xrpc.ts";

const call = { key: "pds alice", nsid: "com.atproto.repo.applyWrites" };

const limited = (seconds: number | undefined) =>
  new XrpcFailure(call.nsid, 429, "RateLimitExceeded", "slow down", seconds);

/** A PDS that answers with these errors, then well. */
function pds(...answers: unknown[]) {
  const made = { calls: 0 };
  const send = () => {
    made.calls++;
    const answer = answers.shift();
    return answer === undefined
      ? Promise.resolve("done")
      : Promise.reject(answer);
  };
  return Object.assign(made, { send });
}

const is429 = (seconds: number | undefined) => (error: unknown) =>
  error instanceof XrpcFailure && error.status === 429 &&
  error.retryAfterSeconds === seconds;

Deno.test("a call waits for the seconds that the PDS asks for", async () => {
  const clock = new ManualClock();
  const server = pds(limited(3));
  const done = new PdsPace(clock).run(call, server.send);
  const ticking = setInterval(() => clock.advance(500), 1);
  try {
    assert.equal(await done, "done");
  } finally {
    clearInterval(ticking);
  }
  assert.equal(server.calls, 2);
});

Deno.test("a PDS that refuses again and again ends the waiting", async () => {
  const clock = new ManualClock();
  const server = pds(...Array.from({ length: 50 }, () => limited(4)));
  const ticking = setInterval(() => clock.advance(500), 1);
  try {
    await assert.rejects(new PdsPace(clock).run(call, server.send), is429(4));
  } finally {
    clearInterval(ticking);
  }
  assert.equal(server.calls, 3);
});

Deno.test("a longer refusal, one without a time and other errors are passed on at once", async () => {
  const pace = new PdsPace(new ManualClock());
  await assert.rejects(pace.run(call, pds(limited(60)).send), is429(60));
  await assert.rejects(
    pace.run(call, pds(limited(undefined)).send),
    is429(undefined),
  );
  await assert.rejects(pace.run(call, pds(new Error("x")).send), /^Error: x$/);
  // None of them was remembered.
  assert.equal(await pace.run(call, pds().send), "done");
});

Deno.test("reads do not wait", async () => {
  const server = pds(limited(1));
  const pace = new PdsPace(new ManualClock());
  await assert.rejects(
    pace.run({ ...call, waits: false }, server.send),
    is429(1),
  );
  assert.equal(server.calls, 1);
});

Deno.test("a refusal for minutes is remembered for what it covers, until it ends", async () => {
  const clock = new ManualClock();
  const pace = new PdsPace(clock);
  await assert.rejects(pace.run(call, pds(limited(300)).send), is429(300));
  clock.advance(100_000);
  const server = pds();
  await assert.rejects(pace.run(call, server.send), is429(200));
  assert.equal(server.calls, 0);
  const bob = { ...call, key: "pds bob" };
  assert.equal(await pace.run(bob, server.send), "done");
  clock.advance(200_000);
  assert.equal(await pace.run(call, server.send), "done");
});

Deno.test("a caller that gives up does not wait on", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const server = pds(limited(5));
  const done = new PdsPace(clock).run(
    { ...call, signal: stop.signal },
    server.send,
  );
  await until(() => server.calls === 1);
  stop.abort();
  await assert.rejects(done, is429(5));
});
